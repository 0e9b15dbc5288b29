package drain

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/logs"
)

func TestFramesAreLogplexes(t *testing.T) {
	t.Parallel()
	e := logs.Entry{At: time.Date(2012, 11, 30, 6, 45, 29, 1000, time.UTC), Source: "heroku", Proc: "web.3", Text: "State changed from starting to up"}
	for _, c := range []struct{ host, middle, end, want string }{
		{"host", " - ", "\n", "93 <45>1 2012-11-30T06:45:29.000001+00:00 host heroku web.3 - State changed from starting to up\n"},
		{"d.1", " - - ", "", "93 <45>1 2012-11-30T06:45:29.000001+00:00 d.1 heroku web.3 - - State changed from starting to up"},
	} {
		if got := string(appendFrame(nil, e, c.host, c.middle, c.end)); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	for proc, want := range map[string]int{"app web.1": 190, "app api": 45, "heroku router": 158, "heroku web.1": 45, "heroku logplex": 172} {
		source, proc, _ := strings.Cut(proc, " ")
		if got := priority(logs.Entry{Source: source, Proc: proc}); got != want {
			t.Errorf("%s[%s] has priority %d, want %d", source, proc, got, want)
		}
	}
}

// The lines come from two dynos while everything is restarted, again and again, without waiting for what is on its way.
func TestAHundredThousandLinesComeOnceAndInOrderThroughRestarts(t *testing.T) {
	t.Parallel()
	secure, roots := trust(t)
	run := func(t *testing.T, url string, x *inbox) {
		h := newHouse(t, roots, url)
		h.chatter()
		eventually(t, func() error { return x.counted(50_000, false, "web.1", "worker.1") })
		if said := h.log(); len(said) > 0 {
			t.Errorf("the log says %q", said)
		}
	}
	t.Run("https", func(t *testing.T) {
		t.Parallel()
		x, s := newWebReceiver(t, nil)
		run(t, s.URL+"/in?a=1", x)
	})
	t.Run("syslog+tls", func(t *testing.T) {
		t.Parallel()
		x := &inbox{}
		run(t, newSyslogReceiver(t, secure, x.reads), x)
	})
	t.Run("syslog", func(t *testing.T) {
		t.Parallel()
		x := &inbox{}
		run(t, newSyslogReceiver(t, nil, x.reads), x)
	})
}

// chatter has two dynos count to 50 000 while control is restarted seven times.
func (h *house) chatter() {
	const rounds, n = 8, 50_000 / 8
	for round := range rounds {
		h.stop()
		h.start()
		var dynos sync.WaitGroup
		for _, proc := range []string{"web.1", "worker.1"} {
			dynos.Go(func() {
				for i := round * n; i < (round+1)*n; i++ {
					h.say(proc, strconv.Itoa(i))
				}
			})
		}
		dynos.Wait()
	}
}

// count has an app say numbers.
func (h *house) count(from, to int) {
	for i := from; i < to; i++ {
		h.say("web.1", strconv.Itoa(i))
	}
}

func TestWebReceiversInTrouble(t *testing.T) {
	t.Parallel()
	_, roots := trust(t)
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		says   string
	}{
		"500":       {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }, "the receiver answered 500."},
		"redirects": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", 307) }, "redirects are not followed."},
		"hangs up": {func(w http.ResponseWriter, r *http.Request) {
			r.Body.Read(make([]byte, 100))
			panic(http.ErrAbortHandler)
		}, "EOF."},
		"hangs": {func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "the receiver did not answer in time."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var well, ids atomic.Value
			well.Store(false)
			x, s := newWebReceiver(t, func(w http.ResponseWriter, r *http.Request) bool {
				id := r.Header.Get("Logplex-Frame-Id")
				if before := ids.Swap(id); well.Load() == false && before != nil && before != id {
					t.Errorf("frame %s is sent again as %s", before, id)
				}
				if r.URL.Path != "/in" {
					t.Errorf("%s was called", r.URL)
				}
				if user, password, _ := r.BasicAuth(); user != "user" || password != "hush" {
					t.Errorf("it is called as %s:%s", user, password)
				}
				if well.Load() == false {
					c.answer(w, r)
					return false
				}
				return true
			})
			h := newHouse(t, roots, strings.Replace(s.URL, "://", "://user:hush@", 1)+"/in").start()
			h.count(0, 3000)
			h.says(c.says)
			h.count(3000, 3010)
			well.Store(true)
			eventually(t, func() error { return x.counted(3010, false, "web.1") })
			h.says("Drain " + h.drains[0].Token + " takes messages again.")
			if said := h.log(); len(said) != 2 || strings.Contains(strings.Join(said, ""), "hush") {
				t.Errorf("the log says %q", said)
			}
			for _, m := range x.all() {
				if m.proc == "logplex" {
					t.Errorf("the drain is told about itself: %q", m.text)
				}
			}
		})
	}
}

func TestWhatAReceiverRefusesIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	_, roots := trust(t)
	var first atomic.Value
	x, s := newWebReceiver(t, func(w http.ResponseWriter, r *http.Request) bool {
		first.CompareAndSwap(nil, r.Header.Get("Logplex-Frame-Id"))
		if r.Header.Get("Logplex-Frame-Id") == first.Load() {
			w.WriteHeader(413)
			return false
		}
		return true
	})
	h := newHouse(t, roots, s.URL).start()
	h.say("web.1", "too much")
	h.says("Error L10 (output buffer overflow): 1 messages dropped since ")
	h.say("web.1", "0")
	eventually(t, func() error { return x.counted(1, false, "web.1") })
	got := x.all()
	if len(got) != 2 || got[0].priority != "172" || got[0].source+got[0].proc != "herokulogplex" || !strings.HasPrefix(got[0].text, "Error L10 (output buffer overflow): 1 messages dropped since ") {
		t.Errorf("got %q", got)
	}
}

func TestSyslogReceiversInTrouble(t *testing.T) {
	t.Parallel()
	secure, roots := trust(t)
	t.Run("closes midway", func(t *testing.T) {
		t.Parallel()
		x, conns := &inbox{}, atomic.Int32{}
		h := newHouse(t, roots, newSyslogReceiver(t, secure, func(c net.Conn) {
			if conns.Add(1) > 5 {
				x.reads(c)
				return
			}
			left := 700
			frames(c, func(m message) { // and closes with more unread
				if x.put(m); left == 0 {
					c.Close()
				}
				left--
			})
		})).start()
		h.count(0, 10_000)
		eventually(t, func() error { return x.counted(10_000, true, "web.1") })
	})
	t.Run("closes when idle", func(t *testing.T) {
		t.Parallel()
		x := &inbox{}
		h := newHouse(t, roots, newSyslogReceiver(t, nil, func(c net.Conn) { // what it did not read is lost with it
			c.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
			x.reads(c)
		})).start()
		for i := range 60 {
			h.count(10*i, 10*i+10)
			eventually(t, func() error { return x.counted(10*i+10, true, "web.1") })
		}
	})
	t.Run("hangs, then reads", func(t *testing.T) {
		t.Parallel()
		x, conns, well := &inbox{}, atomic.Int32{}, make(chan struct{})
		h := newHouse(t, roots, newSyslogReceiver(t, secure, func(c net.Conn) {
			if conns.Add(1) < 3 {
				c.(*tls.Conn).Handshake()
				<-well
				return
			}
			x.reads(c)
		})).start()
		defer close(well)
		for i := range 20_000 {
			h.say("web.1", fmt.Sprintf("%-200d", i))
			if i == 2000 { // more than waits in kernels, and no more than the app's log has
				h.says("the receiver reads nothing.")
			}
		}
		eventually(t, func() error { return x.counted(20_000, true, "web.1") })
	})
	t.Run("is slow", func(t *testing.T) {
		t.Parallel()
		x := &inbox{}
		h := newHouse(t, roots, newSyslogReceiver(t, secure, func(c net.Conn) { x.reads(slow{c}) }))
		h.pace.write, h.pace.ack = 5*time.Second, 5*time.Second // room on loopback is made 64 KiB at a time
		h.start().count(0, 6000)
		eventually(t, func() error { return x.counted(6000, false, "web.1") })
		if said := h.log(); len(said) > 0 {
			t.Errorf("the log says %q", said)
		}
	})
}

// slow reads a little at a time.
type slow struct{ net.Conn }

func (s slow) Read(b []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.Conn.Read(b[:min(len(b), 300)])
}

func TestCertificatesAreChecked(t *testing.T) {
	t.Parallel()
	secure, roots := trust(t)
	x, s := newWebReceiver(t, nil)
	stranger := newHouse(t, nil, s.URL, newSyslogReceiver(t, secure, x.reads)).start()
	stranger.count(0, 10)
	for i, d := range stranger.drains {
		stranger.says(fmt.Sprintf("Error L14 (certificate validation): error=%q uri=%q drain=%s",
			"x509: certificate signed by unknown authority", d.URL.Reveal(), stranger.drains[i].Token))
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.URL, "https://"))
	other := newHouse(t, roots, "https://localhost:"+port).start()
	other.count(0, 10)
	other.says("Error L14 (certificate validation): error=\"x509: certificate is valid for example.com, ")
	stranger.stop()
	other.stop()
	if got := x.all(); len(got) > 0 {
		t.Errorf("somebody without a good certificate was told %q", got)
	}
}

func TestAddressesThatAreNotAllowedAreNotDialed(t *testing.T) {
	t.Parallel()
	_, roots := trust(t)
	x, s := newWebReceiver(t, nil)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.URL, "https://"))
	var conns atomic.Int32
	plain := newSyslogReceiver(t, nil, func(net.Conn) { conns.Add(1) })
	_, plainPort, _ := net.SplitHostPort(strings.TrimPrefix(plain, "syslog://"))
	h := newHouse(t, roots, "https://localhost:"+port, "syslog://localhost:"+plainPort)
	h.config.Allowed = func(_, address string, _ syscall.RawConn) error {
		return fmt.Errorf("%s is not a public address", address)
	}
	h.start().count(0, 10)
	for _, d := range h.drains {
		h.says("Drain " + d.Token + " at " + d.Address() + " does not take messages, and is tried again: dial tcp ")
	}
	h.says("127.0.0.1:" + port + " is not a public address.")
	if len(x.all()) > 0 || conns.Load() > 0 {
		t.Error("it was dialed")
	}
}

// One drain stands still for so long that its lines no longer fit. The other gets all of them meanwhile.
func TestADrainThatStandsStillIsToldWhatItMisses(t *testing.T) {
	t.Parallel()
	_, roots := trust(t)
	var well atomic.Bool
	x, s := newWebReceiver(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !well.Load() {
			w.WriteHeader(503)
		}
		return well.Load()
	})
	y, neighbour := newWebReceiver(t, nil)
	h := newHouse(t, roots, s.URL, neighbour.URL)
	h.logs.Spool, h.logs.Lines, h.logs.Bytes = 2<<20, 100_000, 64<<20
	h.start()
	const all, wide = 30_000, 300
	for i := range all {
		h.say("web.1", fmt.Sprintf("%-*d", wide, i))
		if i%2000 == 0 {
			eventually(t, func() error { // the neighbour keeps up
				if n := len(y.all()); n < i-1000 {
					return fmt.Errorf("the neighbour has %d of %d lines", n, i)
				}
				return nil
			})
		}
	}
	eventually(t, func() error { return y.counted(all, false, "web.1") })
	h.says("Drain " + h.drains[0].Token + " does not keep up.")
	well.Store(true)
	h.say("web.1", "the end")
	eventually(t, func() error {
		if got := x.all(); len(got) == 0 || got[len(got)-1].text != "the end\n" {
			return fmt.Errorf("%d messages, without the end", len(got))
		}
		return nil
	})
	missed, came, at := 0, 0, -1
	for _, m := range x.all() {
		n, err := strconv.Atoi(strings.TrimSpace(m.text))
		switch {
		case m.proc == "logplex":
			if k, err := fmt.Sscanf(m.text, "Error L10 (output buffer overflow): %d messages dropped since", &n); k != 1 {
				t.Errorf("%q: %v", m.text, err)
			}
			missed += n
		case err == nil:
			if came++; n <= at {
				t.Fatalf("%d comes behind %d", n, at)
			}
			at = n
		}
	}
	if missed == 0 || came+missed != all {
		t.Errorf("%d came and %d are said to be missing, of %d", came, missed, all)
	}
	noted := 0
	for _, line := range h.log() {
		var n int
		if k, _ := fmt.Sscanf(line, "Error L10 (output buffer overflow): %d messages dropped since", &n); k == 1 {
			noted += n
		}
	}
	if noted < missed || noted > missed+1024 { // what was on its way may have arrived all the same
		t.Errorf("the log has %d missing, the drain %d", noted, missed)
	}
}
