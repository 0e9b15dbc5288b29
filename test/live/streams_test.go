package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// streamsBecomeOneRequest says by HTTP/2 and HTTP/3 what would be two requests of HTTP/1, or one that is none.
func (a *attacked) streamsBecomeOneRequest(t *testing.T) {
	one := a.hosts["one"]
	a.forget(t, "one")
	for what, f := range map[string]hpack.HeaderField{
		"a line end in a value":   {Name: "x", Value: "y\r\n\r\nGET /hidden HTTP/1.1\r\nHost: " + one},
		"a line feed in a value":  {Name: "x", Value: "y\nTransfer-Encoding: chunked"},
		"a line end in a name":    {Name: "x\r\ny", Value: "z"},
		"a colon in a name":       {Name: "transfer-encoding: chunked", Value: "z"},
		"NUL in a value":          {Name: "x", Value: "y\x00z"},
		"transfer-encoding":       {Name: "transfer-encoding", Value: "chunked"},
		"connection":              {Name: "connection", Value: "close"},
		"upgrade":                 {Name: "upgrade", Value: "h2c"},
		"an upper-case name":      {Name: "Content-Length", Value: "0"},
		"a length without a body": {Name: "content-length", Value: "10"},
		"a length that is none":   {Name: "content-length", Value: "+0"},
		"space in the path":       {Name: ":path", Value: "/ HTTP/1.1\r\nHost: x\r\n\r\nGET /hidden"},
		"a blank in the path":     {Name: ":path", Value: "/a b"},
		"no path":                 {Name: ":path", Value: ""},
		"a path that is a URL":    {Name: ":path", Value: "http://" + a.hosts["two"] + "/"},
		"a line end in method":    {Name: ":method", Value: "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\nGET"},
		"CONNECT":                 {Name: ":method", Value: "CONNECT"},
		"a host with a line end":  {Name: ":authority", Value: one + "\r\nX: y"},
		"a host with a blank":     {Name: ":authority", Value: one + " x"},
		"a host with a user":      {Name: ":authority", Value: one + "@" + a.hosts["two"]},
	} {
		if got := a.stream(t, friend, one, whole(one, f)...); got != "" && got != "400" {
			t.Errorf("%s: %q", what, got)
		}
		a.nothing(t, "one", what)
		a.nothing(t, "two", what)
		if a.forged(t, one, "", whole(one, f)...) {
			t.Errorf("%s, HTTP/3: served", what)
		}
		a.nothing(t, "one", what+", HTTP/3")
		a.nothing(t, "two", what+", HTTP/3")
	}
	tunnel := []hpack.HeaderField{{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: one}}
	if got := a.stream(t, friend, one, tunnel...); got == "200" || a.forged(t, one, "", tunnel...) {
		t.Error("a tunnel is opened")
	}
	a.nothing(t, "one", "CONNECT")
	const body = "abcGET /hidden HTTP/1.1\r\n\r\n"
	length := hpack.HeaderField{Name: "content-length", Value: "3"}
	for what, f := range map[string][]hpack.HeaderField{
		"a body longer than said":  whole(one, length, hpack.HeaderField{Name: ":method", Value: "POST"}),
		"a body shorter than said": whole(one, hpack.HeaderField{Name: "content-length", Value: "300"}, hpack.HeaderField{Name: ":method", Value: "POST"}),
	} {
		if a.forged(t, one, body, f...) {
			t.Errorf("%s, HTTP/3: served", what)
		}
		a.forget(t, "one") // it may have read a beginning, on a connection that has ended
	}
	if !a.forged(t, one, "abc", whole(one, length, hpack.HeaderField{Name: ":method", Value: "POST"})...) {
		t.Error("a decent request by HTTP/3 is not served")
	}
	if got := a.news(t, "one"); len(got) != 1 || !strings.HasSuffix(got[0], "\r\n\r\nabc") {
		t.Errorf("of a decent request by HTTP/3 the dyno read %q", got)
	}
}

// whole is a request for a host with the given fields, those of the protocol first.
func whole(host string, fields ...hpack.HeaderField) (out []hpack.HeaderField) {
	for _, own := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: host}, {Name: ":path", Value: "/"}} {
		if i := slices.IndexFunc(fields, func(f hpack.HeaderField) bool { return f.Name == own.Name }); i >= 0 {
			own = fields[i]
			fields = slices.Delete(slices.Clone(fields), i, i+1)
		}
		out = append(out, own)
	}
	return append(out, fields...)
}

// stream sends a request by HTTP/2 as no decent client would, and returns the status, "" for a reset.
func (a *attacked) stream(t *testing.T, from, sni string, fields ...hpack.HeaderField) string {
	t.Helper()
	c, err := a.dial(t, from, sni, "h2")
	if err != nil {
		return ""
	}
	defer c.Close()
	framer := begin(c, fields)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
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

// begin sends the first request of a connection of HTTP/2.
func begin(c io.ReadWriter, fields []hpack.HeaderField) *http2.Framer {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		encoder.WriteField(f)
	}
	io.WriteString(c, http2.ClientPreface)
	framer := http2.NewFramer(c, c)
	framer.AllowIllegalWrites = true
	framer.WriteSettings()
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
	return framer
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
func (a *attacked) http3(t *testing.T, from, sni, host string, fields ...string) int {
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
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Add(name, value)
	}
	res, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// forged sends a request by HTTP/3 as no decent client would, and reports whether it was served.
func (a *attacked) forged(t *testing.T, sni, body string, fields ...hpack.HeaderField) bool {
	t.Helper()
	conn, err := a.quic(t.Context(), t, friend, sni)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	return served(t, conn, body, fields...)
}

// served writes a request of HTTP/3 by hand, and reports whether the answer's status is 200.
func served(t *testing.T, conn *quic.Conn, body string, fields ...hpack.HeaderField) bool {
	t.Helper()
	control, err := conn.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	control.Write([]byte{0, 4, 0}) // the control stream, with no settings
	s, err := conn.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	s.SetDeadline(time.Now().Add(20 * time.Second))
	block := []byte{0, 0} // no table
	for _, f := range fields {
		block = literal(literal(block, 0x20, 3, f.Name), 0, 7, f.Value)
	}
	text := append(quicvarint.Append([]byte{1}, uint64(len(block))), block...)
	if body != "" {
		text = append(quicvarint.Append(append(text, 0), uint64(len(body))), body...)
	}
	s.Write(text)
	s.Close()
	got, err := io.ReadAll(s)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Errorf("a stream was left open, after %q", got)
	}
	return bytes.Contains(got[:min(8, len(got))], []byte{0, 0, 0xc0 | 25}) // no table, and the 25th static field
}

// literal appends a string of QPACK as it is, its length in so many bits first.
func literal(b []byte, first byte, bits int, s string) []byte {
	n, most := len(s), 1<<bits-1
	if n < most {
		return append(append(b, first|byte(n)), s...)
	}
	b = append(b, first|byte(most))
	for n -= most; n >= 128; n >>= 7 {
		b = append(b, byte(n)|128)
	}
	return append(append(b, byte(n)), s...)
}
