package router

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2/hpack"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/router/attack"
)

// forge sends a request by HTTP/3 as no decent client would, and reports whether it was served.
func (w *world) forge(body string, fields []hpack.HeaderField) bool {
	w.t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(friend)})
	if err != nil {
		w.t.Fatal(err)
	}
	from := &quic.Transport{Conn: socket}
	defer func() { from.Close(); socket.Close() }()
	c, err := from.Dial(context.Background(), w.router.QUICAddr(), &tls.Config{ServerName: "demo.test", InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.CloseWithError(0, "")
	served, err := attack.HTTP3(c, body, fields)
	if err != nil {
		w.t.Errorf("HTTP/3: %v", err)
	}
	return served
}

func TestStreamsCanNotSmuggle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient, withQUIC)
	r := newRecorder(t)
	w.secure(func(rs *cloister.Routes) { rs.Apps = []cloister.Route{route("demo", r.addr), route("other", r.addr)} })
	by2 := func(what string, fields []hpack.HeaderField) {
		c, err := w.dialTLS(friend, "demo.test", "h2")
		if err != nil {
			t.Fatal(err)
		}
		if status := attack.HTTP2(c, fields); status != "" && status != "400" {
			t.Errorf("%s, HTTP/2: status %s", what, status)
		}
	}
	by2("a length, and no body", attack.Empty("demo.test"))
	for _, s := range attack.Streams("demo.test", "other.test") {
		by2(s.Name, s.Fields)
		if w.forge("", s.Fields) {
			t.Errorf("%s, HTTP/3: served", s.Name)
		}
	}
	w.stop()
	if saw := r.stop(); len(saw) != 0 {
		t.Errorf("the dyno saw %q", saw)
	}
}

// What is more or less than a head of HTTP/3 has said is not taken for a body, nor for the next request.
func TestABodyOfHTTP3IsAsLongAsItsHeadSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient, withQUIC)
	r := newRecorder(t)
	w.secure(func(rs *cloister.Routes) { rs.Apps = []cloister.Route{route("demo", r.addr)} })
	post := func(length string) []hpack.HeaderField {
		return attack.Whole("demo.test", hpack.HeaderField{Name: ":method", Value: "POST"}, hpack.HeaderField{Name: "content-length", Value: length})
	}
	for range 3 { // so that a connection to the dyno that was spoilt would be used again
		if w.forge("abcGET /hidden HTTP/1.1\r\nHost: demo.test\r\n\r\n", post("3")) {
			t.Error("a body longer than said is served")
		}
		if w.forge("abc", post("300")) {
			t.Error("a body shorter than said is served")
		}
		w.forge("", attack.Empty("demo.test")) // a dyno may answer before it has the body
		if !w.forge("abc", post("3")) {
			t.Error("a body as long as said is not served")
		}
	}
	w.stop()
	whole := 0
	for _, s := range r.stop() {
		spoilt := strings.Contains(s, "Content-Length: 300\r\n") || strings.Contains(s, "Content-Length: 47\r\n")
		if strings.Contains(s, "/hidden") || spoilt && strings.Count(s, " HTTP/1.1\r\n") != 1 {
			t.Errorf("the dyno saw %q", s)
		}
		whole += strings.Count(s, "Content-Length: 3\r\n")
	}
	if whole < 3 {
		t.Errorf("the dyno saw %d decent requests", whole)
	}
}
