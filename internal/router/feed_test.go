package router

import (
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestRouterServesOnWithoutControl(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "on") })
	w.app(at)
	w.hang()
	for _, path := range []string{"/1", "/2", "/3"} {
		if resp, body := w.get("demo.test", path); resp.StatusCode != 200 || body != "on" {
			t.Errorf("got %d %q", resp.StatusCode, body)
		}
	}
	// Control comes back, knows of other things, and gets the lines that it missed.
	os.Remove(w.socket)
	w.startFeed()
	w.version = 0 // it may even have lost its memory
	w.app()
	for _, path := range []string{"/1", "/2", "/3"} {
		w.line(`path="` + path + `"`)
	}
	if resp, _ := w.get("demo.test", "/"); resp.StatusCode != 503 {
		t.Errorf("the new table is not in force: %d", resp.StatusCode)
	}
	if n := len(w.lines); n > 4 {
		t.Errorf("%d lines for 4 requests", n)
	}
}

func TestRestartServesFromDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "on") })
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
	w.eventually("the table is on disk", func() bool {
		_, err := os.Stat(filepath.Join(w.state, "table.json"))
		return err == nil
	})
	w.stop()
	w.hang()
	info, err := os.Stat(filepath.Join(w.state, "table.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the table, with its private keys, has mode %v, %v", info.Mode(), err)
	}
	w.startRouter(patient)
	if resp, body := w.get("demo.test", "/"); resp.StatusCode != 200 || body != "on" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if _, err := w.dialTLS(friend, "demo.test"); err != nil {
		t.Error(err)
	}
}

func TestRouterThatKnowsNothingDoesNotBlameTheClient(t *testing.T) {
	t.Parallel()
	l := patient
	l.blank = 50 * time.Millisecond
	w := newWorld(t, l)
	if resp, _ := w.get("demo.test", "/"); resp.StatusCode != 503 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestBrokenTableOnDiskIsNoReasonNotToStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.stop()
	if err := os.WriteFile(filepath.Join(w.state, "table.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.startRouter(patient)
	w.app()
	if resp, _ := w.get("demo.test", "/"); resp.StatusCode != 503 {
		t.Errorf("got %d", resp.StatusCode)
	}
	w.line("H14")
}

func TestVersionsOnlyGrow(t *testing.T) {
	t.Parallel()
	f := NewFeed(slog.New(slog.DiscardHandler))
	f.Publish(cloister.Routes{Version: 5, Apps: []cloister.Route{route("new")}})
	f.Publish(cloister.Routes{Version: 4, Apps: []cloister.Route{route("old")}})
	f.Publish(cloister.Routes{Version: 5, Apps: []cloister.Route{route("old")}})
	if got := string(f.tableFor(report{})); !strings.Contains(got, "new.test") {
		t.Errorf("published %s", got)
	}
}

func TestWithoutRoutersEverythingIsDrainedAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFeed(slog.New(slog.DiscardHandler))
		at := netip.MustParseAddrPort("100.64.0.1:5000")
		f.Publish(cloister.Routes{Version: 2})
		time.Sleep(forgetAfter - time.Millisecond)
		if f.Drained(at, 2) {
			t.Error("drained before any router could have come back")
		}
		time.Sleep(time.Millisecond)
		if !f.Drained(at, 2) {
			t.Error("not drained, though there is no router")
		}
		// A router that is known to be behind counts as long as it is connected.
		f.mu.Lock()
		p := f.peer("r")
		p.report = report{Router: "r", Epoch: f.epoch, Have: 1}
		f.mu.Unlock()
		if f.Drained(at, 2) {
			t.Error("drained, though a router has the old table")
		}
		time.Sleep(forgetAfter)
		if !f.Drained(at, 2) {
			t.Error("not drained, though the router is gone")
		}
	})
}

func TestRouterThatHasEndedHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := netip.MustParseAddrPort("127.0.0.9:1")
	w.app(at)
	w.stop()
	w.startRouter(patient) // the next one
	w.announce(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo")} })
	start := time.Now()
	w.eventually("the dyno is drained", func() bool { return w.feed.Drained(at, w.version) })
	if took := time.Since(start); took > forgetAfter/2 {
		t.Errorf("waited %s for a router that has said goodbye", took)
	}
}

func TestLateReportDoesNotUndoANewerOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app()
	w.stop()
	tell := func(body string) {
		r, _ := http.NewRequest("POST", "http://control/sync", strings.NewReader(body))
		w.feed.ServeHTTP(discard{}, r)
	}
	tell(`{"Router":"x","Sequence":2,"Epoch":"old","Have":7}`)
	tell(`{"Router":"x","Sequence":1,"Epoch":"old","Have":6}`)
	if got := w.feed.routers["x"].Have; got != 7 {
		t.Errorf("the feed believes %d", got)
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func TestLinesBeyondTheLimitAreCounted(t *testing.T) {
	t.Parallel()
	o := newOutbox()
	long := strings.Repeat("x", 1<<20)
	for range 10 {
		o.end(append(o.begin("app", time.Unix(1, 0)), long...))
	}
	lines, lost := o.take()
	if kept := strings.Count(string(lines), "\n"); kept != 7 || lost != 3 || len(lines) > outboxLimit {
		t.Errorf("kept %d lines, lost %d, %d bytes", kept, lost, len(lines))
	}
	if lines, lost := o.take(); len(lines) != 0 || lost != 0 {
		t.Errorf("taken twice")
	}
}
