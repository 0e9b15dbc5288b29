package router

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// FuzzRequest feeds the parser anything. Whatever it accepts, it must understand the same way when it reads again
// what it would send to a dyno: one request, one host, one length, no line that was not checked.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /x?y HTTP/1.1\r\nHost: a.b:80\r\nContent-Length: 5\r\nConnection: close, X\r\nX: 1\r\n\r\n",
		"POST http://a/ HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\nTE: trailers\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: [::1]:80\r\nExpect: 100-continue\r\nX-Request-Id: abcdefghijklmnopqrstuvw\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX_Forwarded_For: x\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		rd := newReader(bytes.NewReader(raw))
		head, err := rd.head(maxFieldLine, maxHead, nil)
		if err != nil {
			return
		}
		var q, again request
		if q.parse(head) != nil {
			return
		}
		x := exchange{q: &q, proto: "http1.1", from: &origin{}, policy: &policy{closed: true}, shown: []byte("shown"), fromIP: []byte("192.0.2.1")}
		x.identify()
		sent := x.appendRequest(nil)
		if bytes.Count(sent, []byte("\n")) != bytes.Count(sent, []byte("\r\n")) || bytes.Count(sent, []byte("\r")) != bytes.Count(sent, []byte("\r\n")) {
			t.Fatalf("bare CR or LF in %q", sent)
		}
		if i := bytes.Index(sent, crlfcrlf); i != len(sent)-4 {
			t.Fatalf("more than one head in %q", sent)
		}
		if err := again.parse(sent); err != nil {
			t.Fatalf("%q became %q: %v", head, sent, err)
		}
		if again.length != q.length || !bytes.Equal(again.name, q.name) || !bytes.Equal(again.target, q.target) ||
			!bytes.Equal(again.method, q.method) || (again.upgrade == nil) != (q.upgrade == nil) || again.wantsClose {
			t.Fatalf("%q became %q, which means something else", head, sent)
		}
		lower := strings.ToLower(string(sent))
		for _, once := range []string{"\r\nhost:", "\r\nx-forwarded-for:", "\r\nx-forwarded-proto:", "\r\nx-request-id:", "\r\nx-request-start:", "\r\nclient-cert:"} {
			if strings.Count(lower, once) != 1 {
				t.Fatalf("%q not exactly once in %q", once, sent)
			}
		}
		if n := strings.Count(lower, "\r\ncontent-length:") + strings.Count(lower, "\r\ntransfer-encoding:"); n > 1 {
			t.Fatalf("%d lengths in %q", n, sent)
		}
	})
}

// FuzzChunks feeds the decoder anything, all at once and byte by byte: it must make the same of both.
func FuzzChunks(f *testing.F) {
	for _, s := range []string{"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\nGET", "A\r\n0123456789\r\n00\r\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		whole, err := decode(bytes.NewReader(raw))
		slow, slowErr := decode(oneByOne{bytes.NewReader(raw)})
		if whole != slow || (err == nil) != (slowErr == nil) {
			t.Fatalf("%q: %q %v at once, %q %v byte by byte", raw, whole, err, slow, slowErr)
		}
	})
}

type oneByOne struct{ r io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

func decode(r io.Reader) (string, error) {
	rd := newReader(r)
	var b body
	b.reset(&rd, framing{mode: byChunks})
	var all []byte
	for {
		p, err := b.next()
		all = append(all, p...)
		if err == io.EOF {
			return string(appendLastChunk(all, b.trailer())), nil
		}
		if err != nil {
			return string(all), err
		}
	}
}

// FuzzResponse feeds the other parser anything; it must not fall over, and not frame what it can not frame.
func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.0 404\r\nTransfer-Encoding: chunked\r\nConnection: a, b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		rd := newReader(bytes.NewReader(raw))
		head, err := rd.head(maxFieldLine, maxHead, nil)
		if err != nil {
			return
		}
		var p response
		if p.parse(head, []byte("GET")) != nil {
			return
		}
		c := client{r: new(Router)}
		c.start(&p)
		if bytes.Count(c.out, []byte("\n")) != bytes.Count(c.out, []byte("\r\n")) || bytes.Index(c.out, crlfcrlf) != len(c.out)-4 {
			t.Fatalf("%q became %q", head, c.out)
		}
	})
}
