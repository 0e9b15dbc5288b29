package router

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// The balancers of the tests' operator, beside friend and stranger.
const balancer, secondBalancer = "127.0.0.40", "127.0.0.41"

// balanced is a world with two balancers, and an app that trusts ranges and says whom it is asked by.
func balanced(t *testing.T, l limits, byProxy bool, trusted ...string) *world {
	t.Helper()
	w := newWorld(t, l)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		h := r.Header
		io.WriteString(rw, h.Get("X-Forwarded-For")+" "+h.Get("X-Forwarded-Proto")+" "+h.Get("X-Forwarded-Port"))
	})
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", at)}
		r.Apps[0].Trusted = ranges(trusted...)
		r.Balancers, r.ProxyProtocol = ranges("127.0.0.40/31"), byProxy
	})
	return w
}

const simple = "GET / HTTP/1.1\r\nHost: demo.test\r\nConnection: close\r\n"

func TestBalancersSayWhoAsks(t *testing.T) {
	t.Parallel()
	w := balanced(t, patient, false, "192.0.2.0/24", "2001:db8::/32")
	for _, c := range []struct{ name, from, headers, want string }{
		{"a trusted client", balancer, "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1 http 80"},
		{"what the client made up stays left of it", balancer, "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n", "6.6.6.6, 192.0.2.1 http 80"},
		{"in a second header", balancer, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.1\r\n", "6.6.6.6, 192.0.2.1 http 80"},
		{"rubbish left of the client", balancer, "X-Forwarded-For: <script>, 192.0.2.1\r\n", "<script>, 192.0.2.1 http 80"},
		{"through another balancer", balancer, "X-Forwarded-For: 192.0.2.1, " + secondBalancer + "\r\n", "192.0.2.1 http 80"},
		{"commas and spaces", balancer, "X-Forwarded-For: , ,192.0.2.1 ,,\t, \r\n", ", , 192.0.2.1 http 80"},
		{"with a port", balancer, "X-Forwarded-For: 192.0.2.1:4711\r\n", "192.0.2.1 http 80"},
		{"IPv6", balancer, "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1 http 80"},
		{"IPv6 in brackets, with a port", balancer, "X-Forwarded-For: [2001:DB8:0::1]:443\r\n", "2001:db8::1 http 80"},
		{"IPv4 in IPv6", balancer, "X-Forwarded-For: ::ffff:192.0.2.1\r\n", "192.0.2.1 http 80"},
		{"TLS with the client", balancer, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n", "192.0.2.1 https 443"},
		{"port", balancer, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 8443\r\n", "192.0.2.1 https 8443"},
		{"a port that is none", balancer, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Port: 70000\r\n", "192.0.2.1 http 80"},
		{"another client's word, and the balancer's after it", balancer, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http, https\r\n", "192.0.2.1 https 443"},
		{"an untrusted client", balancer, "X-Forwarded-For: 198.51.100.1\r\n", ""},
		{"an untrusted client that claims to be trusted", balancer, "X-Forwarded-For: 192.0.2.1, 198.51.100.1\r\n", ""},
		{"and that claims to be a balancer", balancer, "X-Forwarded-For: 192.0.2.1, " + balancer + ", 198.51.100.1\r\n", ""},
		{"the balancer itself", balancer, "", ""},
		{"other headers are not the balancer's", balancer, "Forwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nTrue-Client-IP: 192.0.2.1\r\n", ""},
		{"a stranger", stranger, "X-Forwarded-For: 192.0.2.1\r\n", ""},
		{"a stranger that claims to be a balancer", stranger, "X-Forwarded-For: 192.0.2.1, " + balancer + "\r\n", ""},
		{"a stranger with all there is", stranger, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.1,192.0.2.1\r\nForwarded: for=192.0.2.1\r\n" +
			"X-Real-IP: 192.0.2.1\r\nTrue-Client-IP: 192.0.2.1\r\nX-Client-IP: 192.0.2.1\r\nX_Forwarded_For: 192.0.2.1\r\n", ""},
	} {
		request := simple + c.headers + "\r\n"
		if got := bodyOf(w.dialFrom(c.from).say(request).rest()); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		// The same by TLS with the balancer. Which server it names there is its own business.
		conn, err := w.dialTLS(c.from, "", "http/1.1")
		if err != nil {
			t.Fatal(err)
		}
		want := c.want
		if !strings.Contains(c.headers, "Proto") {
			want = strings.NewReplacer("http 80", "https 443").Replace(want)
		}
		if got := bodyOf(newWire(t, conn).say(request).rest()); got != want && !strings.Contains(c.headers, "Port") {
			t.Errorf("%s, by TLS: got %q, want %q", c.name, got, want)
		}
	}
	for _, garbage := range []string{"unknown", "192.0.2.1, x", "192.0.2.256", "192.0.2.1/24", "[2001:db8::1", strings.Repeat("1", 100)} {
		got := w.dialFrom(balancer).say("GET / HTTP/1.1\r\nHost: demo.test\r\nX-Forwarded-For: " + garbage + "\r\n\r\n").rest()
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("a balancer that says %q got %.40q", garbage, got)
		}
	}
}

func bodyOf(response string) string {
	_, body, _ := strings.Cut(response, "\r\n\r\n")
	return body
}

func TestABalancersConnectionCarriesManyClients(t *testing.T) {
	t.Parallel()
	w := balanced(t, patient, false, "192.0.2.0/24")
	c := w.dialFrom(balancer)
	for _, client := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.1"} {
		if _, body := c.say("GET / HTTP/1.1\r\nHost: demo.test\r\nX-Forwarded-For: " + client + "\r\n\r\n").response("GET"); body != client+" http 80" {
			t.Errorf("%s: got %q", client, body)
		}
	}
	if got := c.say("GET / HTTP/1.1\r\nHost: demo.test\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n").rest(); got != "" {
		t.Errorf("a stranger on the connection got %q", got)
	}
	w.line(`fwd="192.0.2.2"`, "status=200")
}

func TestBalancersOverHTTP2(t *testing.T) {
	t.Parallel()
	w := balanced(t, patient, false, "192.0.2.0/24")
	client := w.http2(balancer, "demo.test")
	for from, want := range map[string]string{"192.0.2.1": "192.0.2.1 https 443", "198.51.100.1": "", "192.0.2.1, 198.51.100.1": "", "6.6.6.6, 192.0.2.9": "6.6.6.6, 192.0.2.9 https 443"} {
		req, _ := http.NewRequest("GET", "https://demo.test/", nil)
		req.Header.Set("X-Forwarded-For", from)
		req.Header.Set("X-Forwarded-Proto", "https")
		resp, err := client.Do(req)
		body := ""
		if err == nil {
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			body = string(b)
		}
		if body != want || want == "" && err == nil {
			t.Errorf("%s: got %q, %v", from, body, err)
		}
	}
	req, _ := http.NewRequest("GET", "https://demo.test/", nil)
	req.Header.Set("X-Forwarded-For", "192.0.2.1")
	if resp, err := w.http2(stranger, "").Do(req); err == nil {
		t.Errorf("a stranger got %s", resp.Status)
	}
}

func TestClientsBehindABalancerAreCutOneByOne(t *testing.T) {
	t.Parallel()
	w := balanced(t, patient, false, "192.0.2.0/24")
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	slow := rawBackend(t, func(c net.Conn, _ string) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		<-hold
	})
	w.publish(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", slow)}
		r.Apps[0].Trusted = ranges("192.0.2.0/24")
	})
	open := map[string]*wire{}
	for _, client := range []string{"192.0.2.1", "192.0.2.2"} {
		open[client] = w.dialFrom(balancer).say("GET / HTTP/1.1\r\nHost: demo.test\r\nX-Forwarded-For: " + client + "\r\n\r\n")
		open[client].until("half")
	}
	w.trust("192.0.2.1/32")
	if got := open["192.0.2.2"].rest(); got != "" {
		t.Errorf("got %q", got)
	}
	if !w.guarded(func(g *guard) bool { return g.visit.Load() != nil && g.visit.Load().client.String() == "192.0.2.1" }) {
		t.Error("the trusted client was cut too")
	}
	// A balancer that is none any more was perhaps never to be believed.
	w.publish(func(r *cloister.Routes) { r.Balancers = nil })
	if got := open["192.0.2.1"].rest(); got != "" {
		t.Errorf("got %q", got)
	}
}

// guarded reports whether there is such a guard.
func (w *world) guarded(is func(*guard) bool) (found bool) {
	w.router.watch.each(func(g *guard) { found = found || is(g) })
	return found
}

// proxy2 is a header of the PROXY protocol, version 2.
func proxy2(command, family byte, rest string) string {
	return string(proxyV2) + string([]byte{command, family}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(rest)))) + rest
}

// addresses are a source and a destination with their ports.
func addresses(from, to string) string {
	return string(netip.MustParseAddr(from).AsSlice()) + string(netip.MustParseAddr(to).AsSlice()) + "\x01\x02\x01\xbb"
}

func TestProxyProtocolSaysWhoConnects(t *testing.T) {
	t.Parallel()
	w := balanced(t, patient, true, "192.0.2.0/24", "2001:db8::/32")
	v4, v6 := addresses("192.0.2.1", "198.51.100.1"), addresses("2001:db8::1", "2001:db8::2")
	ssl := "\x20\x00\x05\x01\x00\x00\x00\x00"
	for _, c := range []struct{ name, from, header, want string }{
		{"v1", balancer, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 80\r\n", "192.0.2.1 http 80"},
		{"v1 with IPv6", balancer, "PROXY TCP6 2001:db8::1 2001:db8::2 56324 80\r\n", "2001:db8::1 http 80"},
		{"v1, IPv4 in IPv6", balancer, "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 56324 80\r\n", "192.0.2.1 http 80"},
		{"v1 of an untrusted client", balancer, "PROXY TCP4 198.51.100.1 192.0.2.1 56324 80\r\n", ""},
		{"v1, unknown", balancer, "PROXY UNKNOWN ffff:f...f:ffff 1.1.1.1 65535 65535\r\n", ""},
		{"v2", balancer, proxy2(0x21, 0x11, v4), "192.0.2.1 http 80"},
		{"v2 with IPv6", balancer, proxy2(0x21, 0x21, v6), "2001:db8::1 http 80"},
		{"v2, IPv4 in IPv6", balancer, proxy2(0x21, 0x21, addresses("::ffff:192.0.2.1", "::ffff:1.1.1.1")), "192.0.2.1 http 80"},
		{"v2 with values", balancer, proxy2(0x21, 0x11, v4+"\x01\x00\x02h2"+"\x04\x00\x00"), "192.0.2.1 http 80"},
		{"v2, TLS with the client", balancer, proxy2(0x21, 0x11, v4+ssl), "192.0.2.1 https 443"},
		{"v2 of an untrusted client", balancer, proxy2(0x21, 0x11, addresses("198.51.100.1", "192.0.2.1")), ""},
		{"v2, the balancer for itself", balancer, proxy2(0x20, 0x11, v4), ""},
		{"v2, unspecified", balancer, proxy2(0x21, 0x00, "192.0.2.1"), ""},
		{"no header", balancer, "", ""},
		{"a stranger, v1", stranger, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 80\r\n", "400"},
		{"a stranger, v2", stranger, proxy2(0x21, 0x11, v4), "400"},
		{"a stranger, v2, for itself", stranger, proxy2(0x20, 0x00, ""), "400"},
		{"a stranger without one", stranger, "", ""},
	} {
		for _, secure := range []bool{false, true} {
			at := w.router.HTTPAddr().String()
			if secure {
				at = w.router.HTTPSAddr().String()
			}
			conn := w.dialAt(c.from, at)
			io.WriteString(conn, c.header)
			if secure {
				over := tls.Client(conn.Conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
				if err := over.Handshake(); err != nil {
					if c.want != "" && c.want != "400" || c.want == "" && c.from == stranger {
						t.Errorf("%s, by TLS: %v", c.name, err)
					}
					continue
				}
				conn = newWire(t, over)
			}
			io.WriteString(conn, simple+"X-Forwarded-Proto: gopher\r\n\r\n") // they may have hung up
			got := conn.rest()
			want := c.want
			if secure {
				want = strings.ReplaceAll(want, "http 80", "https 443")
			}
			if body := bodyOf(got); body != want && !(want == "400" && !secure && strings.HasPrefix(got, "HTTP/1.1 400 ")) {
				t.Errorf("%s, TLS %v: got %q, want %q", c.name, secure, got, want)
			}
		}
	}
	w.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		if !strings.Contains(l, "status=200") {
			t.Errorf("a line about what nobody shall know of: %s", l)
		}
	}
}

func TestProxyProtocolBeforeHTTP2(t *testing.T) {
	t.Parallel()
	w := balanced(t, patient, true, "192.0.2.0/24")
	for from, ok := range map[string]bool{"192.0.2.1": true, "198.51.100.1": false} {
		protocols := new(http.Protocols)
		protocols.SetHTTP2(true)
		transport := &http.Transport{Protocols: protocols, DialTLS: func(string, string) (net.Conn, error) {
			c := w.dialAt(balancer, w.router.HTTPSAddr().String())
			c.say(proxy2(0x21, 0x11, addresses(from, "198.51.100.1")))
			over := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, ServerName: "demo.test", NextProtos: []string{"h2"}})
			return over, over.Handshake()
		}}
		resp, err := (&http.Client{Transport: transport}).Get("https://demo.test/")
		if (err == nil) != ok {
			t.Errorf("%s: %v, %v", from, resp, err)
		}
		if err == nil {
			if b, _ := io.ReadAll(resp.Body); string(b) != from+" https 443" {
				t.Errorf("%s: got %q", from, b)
			}
			resp.Body.Close()
		}
		transport.CloseIdleConnections()
	}
}

// A balancer that does not finish its header, or finishes it too late, gets nothing, and costs little.
func TestHalfAndSlowProxyHeadersEnd(t *testing.T) {
	t.Parallel()
	l := patient
	l.handshake = 200 * time.Millisecond
	w := balanced(t, l, true, "192.0.2.0/24")
	whole := proxy2(0x21, 0x11, addresses("192.0.2.1", "198.51.100.1"))
	for name, c := range map[string]struct {
		text string
		at   string
	}{
		"nothing":          {"", w.router.HTTPAddr().String()},
		"half a signature": {whole[:7], w.router.HTTPAddr().String()},
		"half of v2":       {whole[:20], w.router.HTTPAddr().String()},
		"half of v1":       {"PROXY TCP4 192.0.2.1 ", w.router.HTTPAddr().String()},
		"half, by TLS":     {whole[:20], w.router.HTTPSAddr().String()},
		"endless v1":       {"PROXY UNKNOWN " + strings.Repeat("x", 1000), w.router.HTTPAddr().String()},
		"oversized v2":     {string(proxyV2) + "\x21\x11\xff\xff" + strings.Repeat("x", 1000), w.router.HTTPAddr().String()},
	} {
		start := time.Now()
		if got := w.dialAt(balancer, c.at).say(c.text).rest(); got != "" {
			t.Errorf("%s: got %q", name, got)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: held for %s", name, took)
		}
	}
	// One byte now and then does not prolong it.
	c, start := w.dialFrom(balancer), time.Now()
	for i := range 100 {
		if _, err := io.WriteString(c, ("PROXY UNKNOWN " + strings.Repeat("x", 100))[i:i+1]); err != nil {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("a slow one was held for %s", took)
	}
	w.eventually("nothing is left of them", func() bool { return !w.guarded(func(*guard) bool { return true }) })
}
