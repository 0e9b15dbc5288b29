package drain

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/drain/draintest"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/outside"
)

// A house keeps the log of an app, "a", and delivers it. It can be restarted.
type house struct {
	t       testing.TB
	config  outside.Config
	logs    logs.Config
	pace    pace
	drains  []cloister.Drain
	lines   *logs.Logs
	deliver *Drains
}

func newHouse(t testing.TB, roots *x509.CertPool, urls ...string) *house {
	t.Helper()
	h := &house{t: t, config: outside.Config{Allowed: anyAddress, Roots: roots}, logs: logs.Config{Dir: t.TempDir(), Key: make([]byte, 32)},
		pace: pace{shortest: 10 * time.Millisecond, longest: 100 * time.Millisecond, connect: 2 * time.Second, answer: time.Second,
			write: 2 * time.Second, ack: 3 * time.Second, doubt: time.Minute, part: 2 * time.Second}}
	for _, u := range urls {
		h.drains = append(h.drains, cloister.Drain{ID: cloister.NewID(), AppID: "a", URL: cloister.Secret(u), Token: cloister.NewDrainToken()})
	}
	t.Cleanup(h.stop)
	return h
}

func anyAddress(string, string, syscall.RawConn) error { return nil }

func (h *house) start() *house {
	h.t.Helper()
	var err error
	quiet := slog.New(slog.DiscardHandler)
	if h.lines, err = logs.Open(h.logs, quiet); err != nil {
		h.t.Fatal(err)
	}
	h.deliver = New(h.lines, h.config, quiet)
	h.deliver.pace = h.pace
	if err := h.deliver.Set("a", h.drains); err != nil {
		h.t.Fatal(err)
	}
	return h
}

func (h *house) stop() {
	if h.lines == nil {
		return
	}
	h.deliver.Close()
	if err := h.lines.Close(); err != nil {
		h.t.Error(err)
	}
	h.lines = nil
}

func (h *house) say(proc string, text string) {
	h.lines.Write("a", logs.Entry{Source: "app", Proc: proc, Text: text})
}

func entry(text string) logs.Entry { return logs.Entry{Source: "app", Proc: "web.1", Text: text} }

// log is what the app's own log says of its drains.
func (h *house) log() (out []string) {
	for _, e := range h.lines.Read(h.t.Context(), "a", logs.Filter{Dyno: "logplex"}, 1000, false, 0) {
		out = append(out, e.Text)
	}
	return out
}

// says waits for a line about drains in the app's log, in which the drain is called by its token.
func (h *house) says(want string) {
	h.t.Helper()
	eventually(h.t, func() error {
		for _, line := range h.log() {
			if strings.Contains(line, want) {
				return nil
			}
		}
		return fmt.Errorf("the log has no %q: %q", want, h.log())
	})
}

// eventually looks again until there is nothing wrong any more.
func eventually(t testing.TB, wrong func() error) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		err := wrong()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// A message is what a receiver reads out of a frame.
type message struct{ priority, host, source, proc, text string }

var frame = regexp.MustCompile(`(?s)^<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00) (\S+) (\S+) (\S+) -( -)? (.*)$`)

// An inbox is what a receiver has got.
type inbox struct {
	mu       sync.Mutex
	messages []message
	wrong    error
}

// frames reads messages by their lengths, and calls each for every one.
func frames(r io.Reader, each func(message)) error {
	in := bufio.NewReader(r)
	for {
		length, err := in.ReadString(' ')
		if err == io.EOF && length == "" {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil || n > 11_000 {
			return fmt.Errorf("a frame of %q bytes", length)
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return err
		}
		m := frame.FindStringSubmatch(string(b))
		if m == nil {
			return fmt.Errorf("a frame that is no message: %q", b)
		}
		each(message{m[1], m[3], m[4], m[5], m[7]})
	}
}

func (x *inbox) put(m ...message) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.messages = append(x.messages, m...)
}

func (x *inbox) complain(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.wrong == nil {
		x.wrong = fmt.Errorf(format, args...)
	}
}

func (x *inbox) all() []message {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]message(nil), x.messages...)
}

// counted checks that every proc has said 0, 1, 2, … up to n, in this order. With twice they may come again.
func (x *inbox) counted(n int, twice bool, procs ...string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.wrong != nil {
		return x.wrong
	}
	next := map[string]int{}
	for _, m := range x.messages {
		i, err := strconv.Atoi(strings.TrimSpace(m.text))
		switch {
		case err != nil:
		case i == next[m.proc]:
			next[m.proc]++
		case i > next[m.proc] || !twice:
			return fmt.Errorf("%s says %d behind %d", m.proc, i, next[m.proc]-1)
		}
	}
	for _, p := range procs {
		if next[p] != n {
			return fmt.Errorf("%s has said %d lines of %d", p, next[p], n)
		}
	}
	return nil
}

// newWebReceiver is a receiver of HTTPS that takes each frame once. answer, if there is one, is asked first.
func newWebReceiver(t testing.TB, answer func(w http.ResponseWriter, r *http.Request) bool) (*inbox, *httptest.Server) {
	x, seen := &inbox{}, map[string]bool{}
	var mu sync.Mutex
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer != nil && !answer(w, r) {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("Logplex-Frame-Id")
		if r.Method != "POST" || r.Header.Get("Content-Type") != "application/logplex-1" || !cloister.IsID(id) ||
			!strings.HasPrefix(r.Header.Get("User-Agent"), "Logplex/") || !strings.HasPrefix(r.Header.Get("Logplex-Drain-Token"), "d.") {
			x.complain("%s with %v", r.Method, r.Header)
		}
		var got []message
		if err := frames(r.Body, func(m message) { got = append(got, m) }); err != nil {
			return // cut off: it comes again
		}
		if r.Header.Get("Logplex-Msg-Count") != strconv.Itoa(len(got)) {
			x.complain("%d messages are called %s", len(got), r.Header.Get("Logplex-Msg-Count"))
		}
		if !seen[id] {
			x.put(got...)
		}
		seen[id] = true
		w.WriteHeader(204)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return x, s
}

// newSyslogReceiver is a receiver of syslog, with a certificate if secure is set. Each connection is given to serve.
func newSyslogReceiver(t testing.TB, secure *tls.Config, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	scheme := "syslog://"
	if secure != nil {
		l, scheme = tls.NewListener(l, secure), "syslog+tls://"
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			all.Go(func() { defer c.Close(); serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return scheme + l.Addr().String()
}

// reads is a receiver that reads all.
func (x *inbox) reads(c net.Conn) {
	if err := frames(c, func(m message) { x.put(m) }); err != nil {
		if _, ok := err.(net.Error); !ok && err != io.ErrUnexpectedEOF {
			x.complain("%v", err)
		}
	}
}

// trust is a certificate for 127.0.0.1 and example.com, and who trusts it.
func trust(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	secure, authority := draintest.Trust()
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	return secure, roots
}
