package attack

import (
	"bytes"
	"io"
	"slices"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A Stream is a request of HTTP/2 or HTTP/3 that would be two of HTTP/1, or none. No dyno may see anything of it.
type Stream struct {
	Name   string
	Fields []hpack.HeaderField
}

// Streams are such requests for a host, by which another one is not to be reached either.
func Streams(host, other string) []Stream {
	with := func(name, value string) []hpack.HeaderField {
		return Whole(host, hpack.HeaderField{Name: name, Value: value})
	}
	return []Stream{
		{"a request in a value", with("x", "y\r\n\r\nGET /hidden HTTP/1.1\r\nHost: "+host)},
		{"a line end in a value", with("x", "y\r\nContent-Length: 5")},
		{"a line feed in a value", with("x", "y\nTransfer-Encoding: chunked")},
		{"NUL in a value", with("x", "y\x00z")},
		{"a line end in a name", with("x\r\ny", "z")},
		{"a header in a name", with("x: y\r\nz", "1")},
		{"a colon in a name", with("transfer-encoding: chunked", "z")},
		{"an upper-case name", with("Content-Length", "0")},
		{"transfer-encoding", with("transfer-encoding", "chunked")},
		{"connection", with("connection", "close")},
		{"upgrade", with("upgrade", "h2c")},
		{"a length with a sign", with("content-length", "+0")},
		{"different lengths", with("content-length", "5, 6")},
		{"a request in the path", with(":path", "/ HTTP/1.1\r\nHost: x\r\n\r\nGET /hidden")},
		{"a line end in the path", with(":path", "/ HTTP/1.1\r\nX: y")},
		{"a version in the path", with(":path", "/ HTTP/1.1 ")},
		{"a blank in the path", with(":path", "/a b")},
		{"no path", with(":path", "")},
		{"another host's URL for a path", with(":path", "http://"+other+"/")},
		{"a request in the method", with(":method", "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\nGET")},
		{"a blank in the method", with(":method", "GET /hidden")},
		{"CONNECT", []hpack.HeaderField{{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: host}}},
		{"CONNECT with a path", with(":method", "CONNECT")},
		{"a line end in the host", with(":authority", host+"\r\nX: y")},
		{"a blank in the host", with(":authority", host+" x")},
		{"a user in the host", with(":authority", host+"@"+other)},
		{"a path in the host", with(":authority", host+"/x")},
		{"no host", with(":authority", "")},
	}
}

// Empty is a request that promises a body and has none. By HTTP/2 its head says so; by HTTP/3 a dyno may see the head, on a connection
// that ends with it.
func Empty(host string) []hpack.HeaderField {
	return Whole(host, hpack.HeaderField{Name: "content-length", Value: "47"})
}

// Whole is a request for a host with the given fields, those of the protocol first.
func Whole(host string, fields ...hpack.HeaderField) (out []hpack.HeaderField) {
	for _, own := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: host}, {Name: ":path", Value: "/"}} {
		if i := slices.IndexFunc(fields, func(f hpack.HeaderField) bool { return f.Name == own.Name }); i >= 0 {
			own = fields[i]
			fields = slices.Delete(slices.Clone(fields), i, i+1)
		}
		out = append(out, own)
	}
	return append(out, fields...)
}

// HTTP2 sends the first request of a connection as no decent client would, and returns the status, "" for a reset.
func HTTP2(c io.ReadWriter, fields []hpack.HeaderField) string {
	framer := Begin(c, fields)
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

// Begin sends the first request of a connection of HTTP/2.
func Begin(c io.ReadWriter, fields []hpack.HeaderField) *http2.Framer {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		encoder.WriteField(f)
	}
	io.WriteString(c, http2.ClientPreface)
	framer := http2.NewFramer(c, c)
	framer.AllowIllegalWrites = true
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	framer.WriteSettings()
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
	return framer
}

// HTTP3 writes a request by hand, and reports whether the status of its answer is 200. An error is one of the connection's, or of a
// stream that was left open.
func HTTP3(c *quic.Conn, body string, fields []hpack.HeaderField) (served bool, err error) {
	control, err := c.OpenUniStream()
	if err != nil {
		return false, err
	}
	if _, err := control.Write([]byte{0, 4, 0}); err != nil { // what kind of stream it is, and no settings
		return false, err
	}
	s, err := c.OpenStream()
	if err != nil {
		return false, err
	}
	block := []byte{0, 0} // no table
	for _, f := range fields {
		block = literal(literal(block, 0x20, 3, f.Name), 0, 7, f.Value)
	}
	text := append(quicvarint.Append([]byte{1}, uint64(len(block))), block...)
	if body != "" {
		text = append(quicvarint.Append(append(text, 0), uint64(len(body))), body...)
	}
	s.SetDeadline(time.Now().Add(20 * time.Second))
	s.Write(text)
	s.Close()
	got, err := io.ReadAll(s)
	if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
		return false, err
	}
	return bytes.Contains(got[:min(8, len(got))], []byte{0, 0, 0xc0 | 25}), nil // no table, and the 25th of the fields that all know
}

// literal appends a string of QPACK as it is, after its length, of which so many bits go into a byte with first.
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
