package live

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2/hpack"

	"github.com/cloister-dev/cloister/internal/router/attack"
)

// streamsBecomeOneRequest says by HTTP/2 and HTTP/3 what would be two requests of HTTP/1, or none.
func (a *attacked) streamsBecomeOneRequest(t *testing.T) {
	one, two := a.hosts["one"], a.hosts["two"]
	a.forget(t, "one")
	a.forget(t, "two")
	by2 := func(what string, fields []hpack.HeaderField) {
		if got := a.stream(t, friend, one, fields); got != "" && got != "400" {
			t.Errorf("%s, HTTP/2: %q", what, got)
		}
		a.nothing(t, "one", what+", HTTP/2,")
	}
	by2("a length, and no body", attack.Empty(one))
	for _, s := range attack.Streams(one, two) {
		by2(s.Name, s.Fields)
		if a.forge(t, one, "", s.Fields) {
			t.Errorf("%s, HTTP/3: served", s.Name)
		}
		a.nothing(t, "one", s.Name+", HTTP/3,")
	}
	a.nothing(t, "two", "streams for another app")
	post := func(length string) []hpack.HeaderField {
		return attack.Whole(one, hpack.HeaderField{Name: ":method", Value: "POST"}, hpack.HeaderField{Name: "content-length", Value: length})
	}
	if a.forge(t, one, "abcGET /hidden HTTP/1.1\r\n\r\n", post("3")) || a.forge(t, one, "abc", post("300")) {
		t.Error("a body of HTTP/3 that is longer or shorter than said is served")
	}
	a.forget(t, "one") // it may have read a beginning, on a connection that has ended
	if !a.forge(t, one, "abc", post("3")) {
		t.Error("a decent request by HTTP/3 is not served")
	}
	if got := a.news(t, "one"); len(got) != 1 || !strings.HasSuffix(got[0], "\r\n\r\nabc") {
		t.Errorf("of a decent request by HTTP/3 the dyno read %q", got)
	}
}

// stream sends a request by HTTP/2, and returns the status, "" for none.
func (a *attacked) stream(t *testing.T, from, sni string, fields []hpack.HeaderField) string {
	t.Helper()
	c, err := a.dial(t, from, sni, "h2")
	if err != nil {
		return ""
	}
	defer c.Close()
	return attack.HTTP2(c, fields)
}

// quic connects from an address of this machine, for a name.
func (a *attacked) quic(ctx context.Context, t *testing.T, from, sni string) (*quic.Conn, error) {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)})
	if err != nil {
		t.Fatal(err)
	}
	to, err := net.ResolveUDPAddr("udp", a.HTTPS)
	if err != nil {
		t.Fatal(err)
	}
	quicly := &quic.Transport{Conn: socket}
	t.Cleanup(func() { quicly.Close(); socket.Close() })
	return quicly.Dial(ctx, to, &tls.Config{ServerName: strings.TrimPrefix(sni, "-"), InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}}, nil)
}

// http3 asks for a host by a connection of QUIC that was made for a name, and returns the status, 0 for none.
func (a *attacked) http3(t *testing.T, from, sni, host string, fields ...hpack.HeaderField) int {
	t.Helper()
	transport := &http3.Transport{Dial: func(ctx context.Context, _ string, _ *tls.Config, _ *quic.Config) (*quic.Conn, error) {
		return a.quic(ctx, t, from, sni)
	}}
	defer transport.Close()
	req, err := http.NewRequest(http.MethodGet, "https://"+host+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		req.Header.Add(f.Name, f.Value)
	}
	res, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// forge sends a request by HTTP/3 as no decent client would, and reports whether it was served.
func (a *attacked) forge(t *testing.T, sni, body string, fields []hpack.HeaderField) bool {
	t.Helper()
	conn, err := a.quic(t.Context(), t, friend, sni)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	served, err := attack.HTTP3(conn, body, fields)
	if err != nil {
		t.Errorf("HTTP/3: %v", err)
	}
	return served
}
