package live

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/cloister-dev/cloister/internal/router/attack"
)

// headersMakeNoFriend has clients claim to be others. The router's socket is one of IPv6, so all of them come by mapped addresses.
func (a *attacked) headersMakeNoFriend(t *testing.T) {
	a.forget(t, "three")
	for _, claim := range []string{"", "X-Forwarded-For: " + friend + "\r\n", "X-Forwarded-For: " + friend + ", " + stranger + "\r\n", "X-Forwarded-For: " + stranger + "\r\nX-Forwarded-For: " + friend + "\r\n",
		"Forwarded: for=" + friend + "\r\n", "X-Real-IP: " + friend + "\r\n", "True-Client-IP: " + friend + "\r\n", "CF-Connecting-IP: " + friend + "\r\n", "X-Client-IP: ::ffff:" + friend + "\r\n", "X_Forwarded_For: " + friend + "\r\n"} {
		for _, sni := range []string{"", a.hosts["three"], "-"} {
			if got := a.says(t, stranger, sni, request(a.hosts["three"], claim)); got != "" {
				t.Errorf("a stranger with %q, by %q, is told %.80q", claim, sni, got)
			}
		}
	}
	for _, claim := range []hpack.HeaderField{{Name: "x-forwarded-for", Value: friend}, {Name: "forwarded", Value: "for=" + friend}, {Name: "x-real-ip", Value: friend}} {
		for _, name := range []string{a.hosts["three"], a.hosts["one"], "-"} {
			if got := a.stream(t, stranger, name, attack.Whole(a.hosts["three"], claim)); got != "" {
				t.Errorf("a stranger with %s, by %q, is told %s by HTTP/2", claim.Name, name, got)
			}
			if got := a.http3(t, stranger, name, a.hosts["three"], claim); got != 0 {
				t.Errorf("a stranger with %s, by %q, is told %d by HTTP/3", claim.Name, name, got)
			}
		}
	}
	a.nothing(t, "three", "claims")
	if got := status(a.says(t, friend, "", request(a.hosts["three"], ""))); got != "200" {
		t.Errorf("a friend gets %q", got)
	}
}

// familiesAreApart has a client of IPv6, and ranges of IPv6 that could be taken for ones of IPv4.
func (a *attacked) familiesAreApart(t *testing.T) {
	three := a.hosts["three"]
	a.forget(t, "three")
	for _, r := range []string{"::ffff:" + stranger, "::ffff:" + stranger + "/128", "::ffff:0:0/96"} {
		rules := map[string]any{"rules": []map[string]string{{"action": "allow", "source": r}}}
		if err := a.api.Do(t.Context(), http.MethodPut, "/spaces/closed/inbound-ruleset", rules, nil); err == nil {
			t.Errorf("%s is taken for a range", r)
		}
	}
	l, err := net.Listen("tcp", "[::1]:0")
	six := err == nil // this machine has IPv6
	if six {
		l.Close()
		if got := a.says(t, "::1", "", request(three, "X-Forwarded-For: "+friend+"\r\n")); got != "" {
			t.Errorf("a stranger of IPv6 is told %.80q", got)
		}
	}
	a.nothing(t, "three", "a client of IPv6")
	a.only(t, "::/0")
	a.within(t, 20*time.Second, "nobody of IPv4 is trusted", func() bool { return a.says(t, friend, "", request(three, "")) == "" })
	for _, sni := range []string{"", three, "-"} {
		if got := a.says(t, stranger, sni, request(three, "")); got != "" {
			t.Errorf("who has IPv4 is told %.80q, by %q", got, sni)
		}
	}
	if six {
		if got := status(a.says(t, "::1", "", request(three, ""))); got != "200" {
			t.Errorf("who has IPv6 is told %q", got)
		}
	}
	a.only(t, friend)
	a.within(t, 20*time.Second, "a friend is trusted again", func() bool { return status(a.says(t, friend, "", request(three, ""))) == "200" })
}

// proxyHeaderIsNone has clients send what only a balancer of the operator's may: on either port, in clear or before TLS.
func (a *attacked) proxyHeaderIsNone(t *testing.T) {
	a.forget(t, "three")
	const sign, addresses = "\r\n\r\n\x00\r\nQUIT\n", "\x7f\x00\x00\x01\x7f\x00\x00\x01\x30\x39\x00\x50"
	for what, header := range map[string]string{
		"version 1":            "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
		"version 1, UNKNOWN":   "PROXY UNKNOWN\r\n",
		"version 2":            sign + "\x21\x11\x00\x0c" + addresses,
		"version 2, with TLVs": sign + "\x21\x11\x00\x14" + addresses + "\x04\x00\x05abcde",
		"version 2, LOCAL":     sign + "\x20\x00\x00\x00",
		"a half":               "PROXY TCP4 127.",
		"half of version 2":    sign[:7],
	} {
		for _, from := range []string{stranger, friend} {
			if got := status(a.says(t, from, "", header+request(a.hosts["three"], ""))); got != "400" && got != "" {
				t.Errorf("%s, from %s: %s", what, from, got)
			}
			c := a.connect(t, from, a.HTTPS)
			io.WriteString(c, header)
			secure := tls.Client(c, &tls.Config{ServerName: a.hosts["three"], InsecureSkipVerify: true})
			if err := secure.Handshake(); err == nil {
				t.Errorf("%s, from %s: TLS goes on", what, from)
			}
		}
	}
	a.nothing(t, "three", "PROXY headers")
}

// cutOff takes a client's trust away that has connections open.
func (a *attacked) cutOff(t *testing.T) {
	host := a.hosts["three"]
	open := func(sni, more string) (net.Conn, *bufio.Reader) {
		t.Helper()
		c, err := a.dial(t, friend, sni, "http/1.1")
		if err != nil {
			t.Fatal(err)
		}
		rd := bufio.NewReader(c)
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+host+"\r\n"+more+"\r\n")
		if res, err := http.ReadResponse(rd, nil); err != nil || res.StatusCode >= 400 {
			t.Fatalf("%v %v", res, err)
		} else if res.StatusCode == 200 {
			io.Copy(io.Discard, res.Body)
		}
		return c, rd
	}
	upgrade := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"
	left := map[string]*bufio.Reader{}
	for _, sni := range []string{"", host} {
		_, left["kept alive, "+sni] = open(sni, "")
		_, left["WebSocket, "+sni] = open(sni, upgrade)
	}
	for what, path := range map[string]string{"HTTP/2": "/", "HTTP/2, asking": "/hang"} {
		c, err := a.dial(t, friend, host, "h2")
		if err != nil {
			t.Fatal(err)
		}
		attack.Begin(c, attack.Whole(host, hpack.HeaderField{Name: ":path", Value: path}))
		left[what] = bufio.NewReader(c)
	}
	a.within(t, 20*time.Second, "the dyno is asked", func() bool { return strings.Contains(strings.Join(a.seen(t, "three"), ""), "/hang") })
	conn, err := a.quic(t.Context(), t, friend, host)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := attack.HTTP3(conn, "", attack.Whole(host)); !ok {
		t.Fatalf("HTTP/3: %v", err)
	}
	a.only(t, stranger)
	for what, rd := range left {
		if _, err := io.Copy(io.Discard, rd); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Errorf("%s is left open", what)
			}
		}
	}
	select {
	case <-conn.Context().Done():
	case <-time.After(20 * time.Second):
		t.Error("HTTP/3 is left open")
	}
	if got := a.says(t, friend, "", request(host, "")); got != "" {
		t.Errorf("who was a friend is told %.80q", got)
	}
	a.only(t, friend)
}
