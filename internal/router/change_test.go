package router

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/cloister-dev/cloister"
)

// getTLS makes a request by TLS to an address of the router's, and returns what came back as text, in the form of
// HTTP/1.1: "" is silence, or a stream that was reset. names are the host, and the server's name if it is another.
func (w *world) getTLS(at, host, protocol string, names ...string) string {
	w.t.Helper()
	sni := append(names, host)[0]
	raw := w.dialAt(friend, at)
	c := tls.Client(raw.Conn, &tls.Config{ServerName: sni, InsecureSkipVerify: true, NextProtos: []string{protocol}})
	if c.Handshake() != nil {
		return ""
	}
	if protocol == "http/1.1" {
		return newWire(w.t, c).say("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n").rest()
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DialTLS: func(string, string) (net.Conn, error) { return c, nil }}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://" + host + "/")
	if err != nil {
		return ""
	}
	body, _ := io.ReadAll(resp.Body)
	return fmt.Sprintf("HTTP/1.1 %s\r\n\r\n%s", resp.Status, body)
}

// endless answers with a number a line, for ever.
func endless(rw http.ResponseWriter, r *http.Request) {
	for n := 0; r.Context().Err() == nil; n++ {
		fmt.Fprintf(rw, "%d\n", n)
		rw.(http.Flusher).Flush()
		time.Sleep(2 * time.Millisecond)
	}
}

// TestStreamIsCutBesideOneThatIsTrusted has one client use two spaces' apps on one HTTP/2 connection, and lose one.
func TestStreamIsCutBesideOneThatIsTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, endless)
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at), route("other", at)} })
	client := w.http2(friend, "") // without a name, so that both are welcome
	get := func(host string) (*http.Response, error) {
		req, _ := http.NewRequest("GET", "https://one.connection/", nil)
		req.Host = host
		return client.Do(req)
	}
	bodies := map[string]*bufio.Reader{}
	for _, host := range []string{"demo.test", "other.test"} {
		resp, err := get(host)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		bodies[host] = bufio.NewReader(resp.Body)
		if _, err := bodies[host].ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	w.router.streams.mu.Lock()
	connections := len(w.router.streams.guards)
	w.router.streams.mu.Unlock()
	if connections != 1 {
		t.Fatalf("%d connections, the test is about one", connections)
	}
	start := time.Now()
	w.announce(func(r *cloister.Routes) {
		r.Apps = append([]cloister.Route(nil), r.Apps...)
		r.Apps[0].Trusted = ranges(stranger + "/32")
	})
	if _, err := io.Copy(io.Discard, bodies["demo.test"]); err == nil {
		t.Error("the stream seems complete")
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("cut after %s", took)
	}
	follows(t, bodies["other.test"], time.Now().Add(200*time.Millisecond))
	if _, err := get("demo.test"); err == nil {
		t.Error("the app still answers")
	}
	follows(t, bodies["other.test"], time.Now())
}

// follows reads numbers until a time, of which each must be one more than the one before.
func follows(t *testing.T, from *bufio.Reader, until time.Time) {
	t.Helper()
	for last := -1; ; {
		line, err := from.ReadString('\n')
		var n int
		if err == nil {
			_, err = fmt.Sscanf(line, "%d\n", &n)
		}
		if err != nil || last >= 0 && n != last+1 {
			t.Fatalf("after %d came %q, %v", last, line, err)
		}
		if last = n; time.Now().After(until) {
			return
		}
	}
}

// TestTrustedClientsAreNotDisturbedByOthersChanges has downloads, WebSockets, streams and kept connections go on
// while the rules of a hundred other spaces change a thousand times. Dynos come and go meanwhile, too.
func TestTrustedClientsAreNotDisturbedByOthersChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	mux := http.NewServeMux()
	mux.HandleFunc("/endless", endless)
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "ok") })
	mux.Handle("/echo", websocket.Handler(func(c *websocket.Conn) { io.Copy(c, c) }))
	at := backend(t, mux.ServeHTTP)
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", at)}
		r.Apps[0].Trusted = ranges(friend + "/32")
		for i := range 100 {
			r.Apps = append(r.Apps, route(fmt.Sprintf("other%d", i)))
		}
	})
	download := w.dialFrom(friend).say("GET /endless HTTP/1.0\r\nHost: demo.test\r\n\r\n")
	download.SetDeadline(time.Now().Add(time.Minute))
	download.until("\r\n\r\n")
	resp, err := w.http2(friend, "demo.test").Get("https://demo.test/endless")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	stream := bufio.NewReader(resp.Body)
	config, _ := websocket.NewConfig("ws://demo.test/echo", "http://demo.test")
	socket, err := websocket.NewClient(config, w.dialFrom(friend).Conn)
	if err != nil {
		t.Fatal(err)
	}
	kept := w.dialFrom(friend)
	kept.SetDeadline(time.Now().Add(time.Minute))
	socket.SetDeadline(time.Now().Add(time.Minute))

	connections := w.accepted()
	for n := range 1000 {
		change := func(r *cloister.Routes) {
			r.Apps = append([]cloister.Route(nil), r.Apps...)
			other := &r.Apps[1+n%100]
			other.Trusted = ranges(fmt.Sprintf("10.%d.%d.0/24", n/256, n%256))
			other.Dynos = []cloister.RouteDyno{{ID: fmt.Sprint(n), Name: "web.1", Endpoint: netip.MustParseAddrPort("127.0.0.9:1")}}
		}
		if n%100 != 99 {
			w.version++
			change(&w.routes)
			w.routes.Version = w.version
			w.router.adopt(w.routes, w.feed.epoch) // as it comes from control, but without waiting for each
			continue
		}
		w.publish(change)
		if _, body := kept.say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").response("GET"); body != "ok" {
			t.Fatalf("the kept connection got %q", body)
		}
		text := fmt.Sprint("message ", n)
		if err := websocket.Message.Send(socket, text); err != nil {
			t.Fatalf("the WebSocket: %v", err)
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(socket, got); err != nil || string(got) != text {
			t.Fatalf("the WebSocket said %q: %v", got, err)
		}
	}
	if n := w.accepted(); n != connections+1 { // the kept one has come since
		t.Errorf("%d connections are open, want %d", n, connections+1)
	}
	follows(t, download.rd, time.Now())
	follows(t, stream, time.Now())
}

// accepted is how many connections are visiting.
func (w *world) accepted() (n int) {
	w.router.watch.each(func(g *guard) {
		if v := g.visit.Load(); v != nil && v.app != nil && strings.HasPrefix(v.app.AppName, "demo") {
			n++
		}
	})
	return n
}
