package router

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// A world is a router, the control it talks to, and what it has logged.
type world struct {
	t      *testing.T
	router *Router
	feed   *Feed
	socket string
	doors  string // the node's socket
	at     string // where the router listens
	state  string
	stop   func() // ends the router, and waits for it
	hang   func() // takes control away

	mu      sync.Mutex
	lines   []string
	version int64
	routes  cloister.Routes
}

// impatient limits make tests short; none of them is waited for by a test that passes, except the one it is about.
var impatient = limits{
	first: 400 * time.Millisecond, roll: 500 * time.Millisecond, queue: 400 * time.Millisecond,
	dial: 300 * time.Millisecond, tick: 10 * time.Millisecond, linger: 100 * time.Millisecond,
	drain: 2 * time.Second, poll: 2 * time.Second,
}

// patient limits are for tests that are not about time.
var patient = limits{tick: 10 * time.Millisecond, linger: 100 * time.Millisecond, poll: 2 * time.Second, drain: 5 * time.Second}

func newWorld(t *testing.T, l limits, set ...func(*Config)) *world {
	t.Helper()
	return newWorldAt(t, l, "127.0.0.1:0", set...)
}

func newWorldAt(t *testing.T, l limits, at string, set ...func(*Config)) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "router") // short enough for a unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{t: t, socket: filepath.Join(dir, "feed"), doors: filepath.Join(dir, "doors"), at: at, state: dir}
	w.startFeed()
	w.startRouter(l, set...)
	return w
}

func (w *world) startFeed() {
	w.feed = NewFeed(slog.New(slog.DiscardHandler))
	w.feed.OnLine = func(app string, _ time.Time, line string) {
		w.mu.Lock()
		w.lines = append(w.lines, app+" "+line)
		w.mu.Unlock()
	}
	l, err := net.Listen("unix", w.socket)
	if err != nil {
		w.t.Fatal(err)
	}
	server := &http.Server{Handler: w.feed}
	go server.Serve(l)
	w.hang = func() { server.Close() }
	w.t.Cleanup(func() { server.Close() })
}

func (w *world) startRouter(l limits, set ...func(*Config)) {
	config := Config{HTTP: w.at, HTTPS: w.at, Socket: w.socket, Doors: w.doors, State: w.state, limits: l}
	for _, f := range set {
		f(&config)
	}
	r, err := New(config, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	w.router = r
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			w.t.Errorf("router: %v", err)
		}
	}()
	w.stop = func() { cancel(); <-done }
	w.t.Cleanup(w.stop)
}

// publish changes the table, and waits until the router has adopted it.
func (w *world) publish(change func(*cloister.Routes)) {
	w.t.Helper()
	w.announce(change)
	w.eventually("the router adopts the table", func() bool {
		w.router.mu.Lock()
		defer w.router.mu.Unlock()
		return w.router.epoch == w.feed.epoch && w.router.table.Load().version == w.routes.Version
	})
}

// announce changes the table.
func (w *world) announce(change func(*cloister.Routes)) {
	w.version++
	change(&w.routes)
	w.routes.Version = w.version
	w.feed.Publish(w.routes)
}

// app publishes one app, "demo" at demo.test, with dynos at the given endpoints.
func (w *world) app(endpoints ...netip.AddrPort) {
	w.t.Helper()
	w.publish(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", endpoints...)} })
}

func route(name string, endpoints ...netip.AddrPort) cloister.Route {
	r := cloister.Route{
		AppID: name + "-id", AppName: name, SpaceID: name + "-space", Hosts: []string{name + ".test"},
		Trusted: cloister.Everyone(),
	}
	for i, e := range endpoints {
		r.Dynos = append(r.Dynos, cloister.RouteDyno{ID: fmt.Sprintf("%s-%s", name, e), Name: fmt.Sprintf("web.%d", i+1), Endpoint: e})
	}
	return r
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(end) {
			w.t.Fatalf("did not happen: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// line waits for the log line that contains all of the given parts, in that order.
func (w *world) line(parts ...string) string {
	w.t.Helper()
	found := ""
	for end := time.Now().Add(5 * time.Second); found == "" && time.Now().Before(end); time.Sleep(time.Millisecond) {
		w.mu.Lock()
		for _, l := range w.lines {
			if inOrder(l, parts) {
				found = l
			}
		}
		w.mu.Unlock()
	}
	if found == "" {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.t.Fatalf("no line with %q among\n%s", parts, strings.Join(w.lines, "\n"))
	}
	return found
}

func inOrder(s string, parts []string) bool {
	for _, p := range parts {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}

// dial opens a connection to the router, to be closed with the test.
func (w *world) dial() *wire {
	w.t.Helper()
	c, err := net.Dial("tcp", w.router.HTTPAddr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return newWire(w.t, c)
}

// A wire is a connection on which a test says exactly what it means.
type wire struct {
	net.Conn
	t  *testing.T
	rd *bufio.Reader
}

func (c *wire) say(text string) *wire {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatalf("write: %v", err)
	}
	return c
}

// response reads a response with its body.
func (c *wire) response(method string) (*http.Response, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.rd, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("read response: %v", err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("read body after %q: %v", b, err)
	}
	return resp, string(b)
}

// rest reads until the connection ends, however it does.
func (c *wire) rest() string {
	b, err := io.ReadAll(c.rd)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		c.t.Fatalf("the connection was left open, after %q", b)
	}
	return string(b)
}

// get makes a request on a connection of its own.
func (w *world) get(host, path string) (*http.Response, string) {
	w.t.Helper()
	return w.dial().say("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n").response("GET")
}

// backend serves HTTP with net/http, as a dyno does.
func backend(t *testing.T, h http.HandlerFunc) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// rawBackend serves connections with f, after it has read a request's head, which f is given.
func rawBackend(t *testing.T, f func(c net.Conn, head string)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go func() {
				defer c.Close()
				rd := newReader(c)
				for {
					b, err := rd.head(maxFieldLine, maxHead, nil)
					if err != nil {
						return
					}
					rd.r += len(b)
					f(c, string(b))
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func newWire(t *testing.T, c net.Conn) *wire { return &wire{t: t, Conn: c, rd: bufio.NewReader(c)} }
