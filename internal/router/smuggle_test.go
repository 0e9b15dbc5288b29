package router

import (
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cloister-dev/cloister/internal/router/attack"
)

// TestSmuggling sends what attackers send, and looks at what the dyno gets to see: nothing at all, or exactly one
// request with exactly one meaning. What the client sends after it must not reach the dyno as anything else.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	for _, c := range attack.Smuggling {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, patient)
			r := newRecorder(t)
			w.app(r.addr)
			// Whatever is left over of the request would be taken for a part of the one that follows.
			conn := w.dial()
			io.WriteString(conn.Conn, c.Text+"GET / HTTP/1.1\r\nHost: nobody.test\r\nConnection: close\r\n\r\n")
			got := conn.rest()
			if !strings.HasPrefix(got, "HTTP/1.1 "+c.Status+" ") {
				t.Errorf("the client got %.80q, want status %s", got, c.Status)
			}
			if c.Status == "400" && strings.Count(got, "HTTP/1.1 ") != 1 {
				t.Errorf("the client got more than one response: %q", got)
			}
			w.stop()
			var all []string
			for _, s := range r.stop() {
				all = append(all, attack.Essence(s))
			}
			if strings.Join(all, "|") != c.Saw {
				t.Errorf("the dyno saw %q, want %q", all, c.Saw)
			}
		})
	}
}

// A recorder is a dyno that writes down everything it reads from each connection, and answers once a body may be
// complete.
type recorder struct {
	addr netip.AddrPort
	l    net.Listener
	live sync.WaitGroup
	mu   sync.Mutex
	saw  []string
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{l: l, addr: l.Addr().(*net.TCPAddr).AddrPort()}
	t.Cleanup(func() { l.Close() })
	r.live.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.live.Go(func() { r.record(c) })
		}
	})
	return r
}

// stop returns what was read from each connection. The router must have closed them all.
func (r *recorder) stop() []string {
	r.l.Close()
	r.live.Wait()
	return r.saw
}

func (r *recorder) record(c net.Conn) {
	defer c.Close()
	var all []byte
	buf := make([]byte, 64<<10)
	for answered := false; ; {
		n, err := c.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			r.mu.Lock()
			r.saw = append(r.saw, string(all))
			r.mu.Unlock()
			return
		}
		if !answered && complete(string(all)) {
			answered = true
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	}
}

func complete(s string) bool {
	head, body, ok := strings.Cut(s, "\r\n\r\n")
	switch {
	case !ok:
		return false
	case strings.Contains(head, "Transfer-Encoding"):
		return strings.HasPrefix(body, "0\r\n") && strings.HasSuffix(body, "\r\n\r\n") || strings.HasSuffix(body, "\r\n0\r\n\r\n")
	}
	_, length, _ := strings.Cut(head, "Content-Length: ")
	length, _, _ = strings.Cut(length, "\r\n")
	n, _ := strconv.Atoi(length)
	return len(body) >= n
}
