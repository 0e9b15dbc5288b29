package router

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestRequestsInFlightFinishWhenTheRouterEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	arrived, answer := make(chan bool, 2), make(chan bool)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) {
		arrived <- true
		<-answer
		io.WriteString(rw, "done")
	})
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
	idle := w.dial().say("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n")
	idle.response("GET")
	busy := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n")
	stream := make(chan error, 1)
	go func() {
		resp, err := w.http2(friend, "demo.test").Get("https://demo.test/")
		if err == nil {
			_, err = io.ReadAll(resp.Body)
		}
		stream <- err
	}()
	<-arrived
	<-arrived
	ended := make(chan bool)
	go func() { w.stop(); close(ended) }()
	if got := idle.rest(); got != "" {
		t.Errorf("the idle connection got %q", got)
	}
	if c, err := net.Dial("tcp", w.router.HTTPAddr().String()); err == nil {
		c.Close()
		t.Error("a router that ends takes new connections")
	}
	close(answer)
	if resp, body := busy.response("GET"); body != "done" || !resp.Close {
		t.Errorf("got %q, close %v", body, resp.Close)
	}
	if err := <-stream; err != nil {
		t.Errorf("HTTP/2: %v", err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the router did not end")
	}
	w.line("at=info", "protocol=http1.1")
	w.line("at=info", "protocol=http2.0")
}

func TestRouterEndsThoughARequestDoesNot(t *testing.T) {
	t.Parallel()
	l := patient
	l.drain = 200 * time.Millisecond
	w := newWorld(t, l)
	arrived := make(chan bool, 1)
	w.app(rawBackend(t, func(c net.Conn, _ string) {
		arrived <- true
		io.Copy(io.Discard, c)
	}))
	c := w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n")
	<-arrived
	w.stop()
	if got := c.rest(); got != "" {
		t.Errorf("got %q", got)
	}
	w.line("at=error code=H24")
}

// TestNewRouterTakesOver starts a second router at the same address while the first one ends, with clients that
// connect all the time.
func TestNewRouterTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "ok") }))
	first := w.router
	next, err := New(Config{HTTP: first.HTTPAddr().String(), HTTPS: first.HTTPSAddr().String(), Socket: w.socket, State: w.state, limits: patient},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- next.Run(ctx) }()
	ended := make(chan bool)
	go func() { w.stop(); close(ended) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func() {
		req, _ := http.NewRequest("GET", "http://"+first.HTTPAddr().String(), nil)
		req.Host = "demo.test"
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		if resp.Body.Close(); resp.StatusCode != 200 {
			t.Errorf("got %d", resp.StatusCode)
		}
	}
	for after := 0; after < 50; {
		get()
		select {
		case <-ended:
			after++
		default:
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
