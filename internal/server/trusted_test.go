package server

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestOnlyTrustedClientsAreAnswered(t *testing.T) {
	open, shut := guard{log: slog.New(slog.DiscardHandler)}, guard{ranges: prefixes([]string{"10.1.0.0/16", "2001:db8::/32"}), log: slog.New(slog.DiscardHandler)}
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for client, trusted := range map[string]bool{
		"10.1.255.255:1":       true,
		"10.2.0.0:1":           false,
		"10.0.255.255:1":       false,
		"[::ffff:10.1.2.3]:1":  true, // as a listener for both families says it
		"[::ffff:10.2.2.3]:1":  false,
		"[2001:db8::1]:1":      true,
		"[2001:db9::1]:1":      false,
		"[fe80::1%eth0]:1":     false,
		"127.0.0.1:1":          true,
		"[::1]:1":              true,
		"[::ffff:127.0.0.1]:1": true,
		"":                     false, // whoever it is
	} {
		r := httptest.NewRequest(http.MethodGet, "/account", nil)
		r.RemoteAddr = client
		r.Header.Set("X-Forwarded-For", "10.1.2.3") // anybody can say so
		w := httptest.NewRecorder()
		open.requests(reached).ServeHTTP(w, r)
		if w.Code != http.StatusNoContent {
			t.Errorf("%s gets %d where everybody is answered", client, w.Code)
		}
		w = httptest.NewRecorder()
		shut.requests(reached).ServeHTTP(w, r)
		if got := w.Code == http.StatusNoContent; got != trusted {
			t.Errorf("%s gets %d", client, w.Code)
		}
		if trusted {
			continue
		}
		var said heroku.Error
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusForbidden || said.ID != "forbidden" || !strings.Contains(said.Message, "api_trusted") {
			t.Errorf("%s hears %d %s", client, w.Code, w.Body)
		}
	}
}

// caller is a connection from somewhere.
type caller struct {
	net.Conn
	from string
}

func (c caller) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}

func TestConnectionsOfStrangersAreClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	q := newQueue(l)
	t.Cleanup(func() { q.Close() })
	guarded := guard{ranges: prefixes([]string{"10.1.0.0/16"}), log: slog.New(slog.DiscardHandler)}.connections(&q)
	stranger, theirs := net.Pipe()
	friend, ours := net.Pipe()
	go q.put(caller{theirs, "10.2.0.1:1"})
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := guarded.Accept()
		accepted <- c
	}()
	if _, err := stranger.Read(make([]byte, 1)); err == nil {
		t.Error("a stranger is talked to")
	}
	go q.put(caller{ours, "10.1.0.1:1"})
	if c := <-accepted; c == nil || c.RemoteAddr().String() != "10.1.0.1:1" {
		t.Errorf("accepted is %v", c)
	}
	friend.Close()
	ours.Close()
	q.Close()
	if c, err := guarded.Accept(); err == nil {
		t.Errorf("after the end, %v is accepted", c)
	}
}
