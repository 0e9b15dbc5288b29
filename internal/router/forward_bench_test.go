package router

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

// BenchmarkForward carries one request after the other to a dyno and back. Clients and dynos are in the same process: over HTTP/1.1
// they allocate nothing, so that all of allocs/op is the router's.
func BenchmarkForward(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		r := benchRouter(b, benchDyno(b, size))
		b.Run(fmt.Sprintf("HTTP1/%d", size), func(b *testing.B) {
			c, err := net.Dial("tcp", r.HTTPAddr().String())
			if err != nil {
				b.Fatal(err)
			}
			forwardHTTP1(b, c, size)
		})
		config := &tls.Config{ServerName: "demo.test", InsecureSkipVerify: true}
		b.Run(fmt.Sprintf("HTTPS/%d", size), func(b *testing.B) {
			c, err := tls.Dial("tcp", r.HTTPSAddr().String(), config)
			if err != nil {
				b.Fatal(err)
			}
			forwardHTTP1(b, c, size)
		})
		b.Run(fmt.Sprintf("HTTP2/%d", size), func(b *testing.B) {
			t := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
				return net.Dial("tcp", r.HTTPSAddr().String())
			}}
			defer t.CloseIdleConnections()
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for range b.N {
				resp, err := t.RoundTrip(&http.Request{Method: "GET", URL: benchURL, Header: http.Header{}})
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, resp.Body); n != int64(size) || err != nil || resp.ProtoMajor != 2 {
					b.Fatal(n, err, resp.Proto)
				}
				resp.Body.Close()
			}
		})
	}
}

var benchURL = &url.URL{Scheme: "https", Host: "demo.test", Path: "/x"}

func forwardHTTP1(b *testing.B, c net.Conn, size int) {
	defer c.Close()
	request := []byte("GET /x HTTP/1.1\r\nHost: demo.test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) bench\r\nAccept: text/html\r\n\r\n")
	buf := make([]byte, 64<<10)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for range b.N {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		for left := -1; left != 0; {
			n, err := c.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			if left < 0 {
				left = size + bytes.Index(buf[:n], crlfcrlf) + 4
			}
			left -= n
		}
	}
}

// benchDyno answers all requests with so many bytes.
func benchDyno(b *testing.B, size int) netip.AddrPort {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nDate: Tue, 01 Dec 2026 10:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s",
		size, strings.Repeat("x", size))
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go func() {
				defer c.Close()
				rd := newReader(c)
				for {
					head, err := rd.head(maxFieldLine, maxHead, nil)
					if err != nil {
						return
					}
					rd.r += len(head)
					c.Write(answer)
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// benchRouter serves demo.test, without control.
func benchRouter(b *testing.B, dyno netip.AddrPort) *Router {
	r, err := New(Config{HTTP: "127.0.0.1:0", HTTPS: "127.0.0.1:0", Socket: b.TempDir() + "/none"}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	routes := cloister.Routes{Version: 1, Apps: []cloister.Route{route("demo", dyno)}}
	routes.Certificates = []cloister.Certificate{certificate(b, "demo.test")}
	r.adopt(routes, "")
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	b.Cleanup(func() { stop(); <-done })
	return r
}
