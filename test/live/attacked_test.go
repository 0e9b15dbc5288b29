package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// An attacked server has apps whose dynos write down what they read.
type attacked struct {
	*world
	hosts  map[string]string   // by app
	before map[string][]string // what its dyno had seen
}

// only has the closed space trust these addresses alone.
func (a *attacked) only(t *testing.T, addresses ...string) {
	t.Helper()
	rules := []map[string]string{}
	for _, r := range addresses {
		rules = append(rules, map[string]string{"action": "allow", "source": r + "/32"})
	}
	if err := a.api.Do(t.Context(), http.MethodPut, "/spaces/closed/inbound-ruleset", map[string]any{"rules": rules}, nil); err != nil {
		t.Fatal(err)
	}
}

// dial connects from an address of this machine, and plain unless there is a name for TLS to ask for.
func (a *attacked) dial(t *testing.T, from, sni string, protocols ...string) (net.Conn, error) {
	t.Helper()
	to := a.HTTP
	if sni != "" {
		to = a.HTTPS
	}
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if sni == "" {
		return c, nil
	}
	if sni == "-" {
		sni = ""
	}
	secure := tls.Client(c, &tls.Config{ServerName: sni, InsecureSkipVerify: true, NextProtos: protocols})
	return secure, secure.Handshake()
}

// says sends a text and returns all that comes back until the connection ends.
func (a *attacked) says(t *testing.T, from, sni, text string) string {
	t.Helper()
	c, err := a.dial(t, from, sni, "http/1.1")
	if err != nil {
		return ""
	}
	io.WriteString(c, text)
	got, err := io.ReadAll(c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Errorf("the connection was left open after %.60q, with %.60q", text, got)
	}
	return string(got)
}

// status is that of the first answer, "" for silence.
func status(answer string) string {
	_, rest, _ := strings.Cut(answer, " ")
	if !strings.HasPrefix(answer, "HTTP/1.1 ") {
		return ""
	}
	return rest[:3]
}

func request(host, more string) string {
	return "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + more + "\r\n"
}

// seen is what an app's dyno has read on each of its connections, less our own questions.
func (a *attacked) seen(t *testing.T, app string) (out []string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+a.hosts[app]+"/seen", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := Client(a.HTTP).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		t.Fatalf("%s: %s %v", app, res.Status, err)
	}
	for i := range out {
		out[i] = ownQuestion.ReplaceAllString(out[i], "")
	}
	return out
}

var ownQuestion = regexp.MustCompile(`(?s)GET /seen HTTP/1\.1\r\n.*?\r\n\r\n`)

// news is what an app's dyno has read since news was last taken.
func (a *attacked) news(t *testing.T, app string) (out []string) {
	t.Helper()
	for i, conn := range a.seen(t, app) {
		if i < len(a.before[app]) {
			conn = conn[len(a.before[app][i]):]
		}
		if conn != "" {
			out = append(out, conn)
		}
	}
	return out
}

func (a *attacked) forget(t *testing.T, app string) { t.Helper(); a.before[app] = a.seen(t, app) }

// nothing fails if an app's dyno has read anything since forget.
func (a *attacked) nothing(t *testing.T, app, after string) {
	t.Helper()
	if got := a.news(t, app); len(got) > 0 {
		t.Errorf("after %s the dyno of %s read %q", after, app, got)
		a.forget(t, app)
	}
}

// stream sends a request by HTTP/2 as no decent client would, and returns the status, "" for a reset.
func (a *attacked) stream(t *testing.T, from, sni string, fields ...hpack.HeaderField) string {
	t.Helper()
	c, err := a.dial(t, from, sni, "h2")
	if err != nil {
		return ""
	}
	defer c.Close()
	io.WriteString(c, http2.ClientPreface)
	framer := http2.NewFramer(c, c)
	framer.AllowIllegalWrites = true
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, own := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":path", Value: "/"}} {
		if !slices.ContainsFunc(fields, func(f hpack.HeaderField) bool { return f.Name == own.Name }) {
			encoder.WriteField(own)
		}
	}
	for _, f := range fields {
		encoder.WriteField(f)
	}
	framer.WriteSettings()
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return ""
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status")
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return ""
		}
	}
}

// http3 asks for a host by a connection of QUIC that was made for a name, and returns the status, 0 for none.
func (a *attacked) http3(t *testing.T, from, sni, host string) int {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	to, err := net.ResolveUDPAddr("udp", a.HTTPS)
	if err != nil {
		t.Fatal(err)
	}
	quicly := &quic.Transport{Conn: socket}
	defer quicly.Close()
	transport := &http3.Transport{Dial: func(ctx context.Context, _ string, form *tls.Config, c *quic.Config) (*quic.Conn, error) {
		form = form.Clone()
		form.ServerName, form.InsecureSkipVerify = strings.TrimPrefix(sni, "-"), true
		return quicly.Dial(ctx, to, form, c)
	}}
	defer transport.Close()
	res, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Get("https://" + host + "/")
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}
