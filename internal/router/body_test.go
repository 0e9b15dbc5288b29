package router

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

// noise is n bytes that are always the same, and compress badly.
func noise(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), n) }

func sum(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		t.Errorf("after %d bytes: %v", n, err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestLargeBodiesBothWays(t *testing.T) {
	t.Parallel()
	const size = 5<<20 + 17
	w := newWorld(t, patient)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			io.WriteString(rw, sum(t, r.Body))
			return
		}
		if r.URL.Path == "/length" {
			rw.Header().Set("Content-Length", fmt.Sprint(size))
		}
		io.Copy(rw, noise(size))
	})
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
	want := sum(t, noise(size))
	plain := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(plain.CloseIdleConnections)
	for name, c := range map[string]struct {
		client *http.Client
		base   string
	}{
		"http1": {plain, "http://" + w.router.HTTPAddr().String()}, "http2": {w.http2(friend, "demo.test"), "https://demo.test"},
	} {
		for _, path := range []string{"/length", "/chunks"} {
			req, _ := http.NewRequest("GET", c.base+path, nil)
			req.Host = "demo.test"
			resp, err := c.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := sum(t, resp.Body); got != want {
				t.Errorf("%s: download by %s differs", name, path)
			}
			resp.Body.Close()
		}
		for _, length := range []int64{size, -1} {
			req, _ := http.NewRequest("POST", c.base+"/", io.NopCloser(noise(size)))
			req.Host, req.ContentLength = "demo.test", length
			resp, err := c.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != want {
				t.Errorf("%s: upload of length %d differs: %v", name, length, err)
			}
			resp.Body.Close()
		}
	}
}

func TestUploadIsStreamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	first := make(chan string)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) {
		b := make([]byte, 5)
		io.ReadFull(r.Body, b)
		first <- string(b)
		rest, _ := io.ReadAll(r.Body)
		fmt.Fprintf(rw, "%s", rest)
	}))
	c := w.dial().say("POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
	if got := <-first; got != "first" {
		t.Errorf("the dyno got %q", got)
	}
	c.say("4\r\nlast\r\n0\r\n\r\n")
	if _, body := c.response("POST"); body != "last" {
		t.Errorf("got %q", body)
	}
}

func TestDownloadIsNotHeldBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	next := make(chan bool)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintf(rw, "event %d\n", i)
			rw.(http.Flusher).Flush()
			<-next
		}
	}))
	c := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n")
	for i := range 3 {
		c.until(fmt.Sprintf("event %d\n", i))
		next <- true
	}
	c.until("0\r\n\r\n")
}

func TestChunksArriveWhenTheyAreCutAnywhere(t *testing.T) {
	t.Parallel()
	const reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"
	w := newWorld(t, patient)
	w.app(rawBackend(t, func(c net.Conn, head string) {
		var at int
		fmt.Sscanf(head, "GET /%d", &at)
		io.WriteString(c, reply[:at])
		io.WriteString(c, reply[at:])
	}))
	c := w.dial()
	for at := range len(reply) {
		resp, body := c.say(fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: demo.test\r\n\r\n", at)).response("GET")
		if body != "hello world" || resp.Trailer.Get("X-Sum") != "1" {
			t.Fatalf("cut at %d: got %q, trailer %v", at, body, resp.Trailer)
		}
	}
}

func TestInterimResponsesAndHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(rawBackend(t, func(c net.Conn, head string) {
		io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
	}))
	c := w.dial()
	for range 2 { // a response to HEAD has no body, whatever its length says, so the connection goes on
		c.say("HEAD / HTTP/1.1\r\nHost: demo.test\r\n\r\n")
		c.until("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
		if resp, _ := c.response("HEAD"); resp.StatusCode != 200 || resp.ContentLength != 1234 {
			t.Errorf("got %d, length %d", resp.StatusCode, resp.ContentLength)
		}
	}
}

func TestContinueIsSaidOnceTheDynoIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "" {
			t.Error("the expectation was passed on")
		}
		io.Copy(rw, r.Body)
	}))
	c := w.dial().say("POST / HTTP/1.1\r\nHost: demo.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	c.until("HTTP/1.1 100 Continue\r\n\r\n")
	if _, body := c.say("body").response("POST"); body != "body" {
		t.Errorf("got %q", body)
	}
}

func TestEarlyAnswerToAnUploadArrives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(rawBackend(t, func(c net.Conn, _ string) {
		io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
		io.Copy(io.Discard, c)
	}))
	c := w.dial().say("POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 1000000000\r\n\r\n").say(strings.Repeat("x", 100000))
	resp, body := c.response("POST")
	if resp.StatusCode != 413 || body != "big" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	w.line("status=413 bytes=3")
}

func TestHTTP10(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.(http.Flusher).Flush() // makes it chunked
		io.WriteString(rw, r.Proto)
	}))
	got := w.dial().say("GET / HTTP/1.0\r\nHost: demo.test\r\nConnection: keep-alive\r\n\r\n").rest()
	if !strings.HasSuffix(got, "\r\n\r\nHTTP/1.1") || strings.Contains(got, "Transfer-Encoding") {
		t.Errorf("got %q", got)
	}
}

func TestResponseThatEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(rawBackend(t, func(c net.Conn, _ string) {
		io.WriteString(c, "HTTP/1.0 200 OK\r\nX: y\r\n\r\nall there is")
		c.Close()
	}))
	c := w.dial()
	for range 2 { // the client's connection need not end
		if _, body := c.say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").response("GET"); body != "all there is" {
			t.Errorf("got %q", body)
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(rw, r.Body)
		io.WriteString(rw, r.URL.Path)
	}))
	c := w.dial().say("POST /1 HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 1\r\n\r\naGET /2 HTTP/1.1\r\nHost: demo.test\r\n\r\n" +
		"POST /3 HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nHost: demo.test\r\n\r\n")
	for _, want := range []string{"a/1", "/2", "b/3", "/4"} {
		if _, body := c.response("GET"); body != want {
			t.Errorf("got %q, want %q", body, want)
		}
	}
}
