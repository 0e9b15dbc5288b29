package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

func open(t testing.TB, c Config) *Logs {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	c.Key = []byte("0123456789abcdef")
	l, err := Open(c, silent)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closing(t testing.TB, l *Logs) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func say(l *Logs, app, proc, text string) {
	l.Write(app, Entry{Source: "app", Proc: proc, Text: text})
}

func texts(l *Logs, app string, f Filter, n int, after int64) (out []string) {
	for _, e := range l.Read(context.Background(), app, f, n, false, after) {
		out = append(out, e.Text)
	}
	return out
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateErrors()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestLinesLookLikeHerokus(t *testing.T) {
	t.Parallel()
	e := Entry{At: time.Date(2024, 1, 2, 4, 4, 5, 6000, time.FixedZone("", 3600)), Source: "app", Proc: "web.1", Text: "text"}
	equal(t, e.String(), "2024-01-02T03:04:05.000006+00:00 app[web.1]: text")
}

func TestStreamKeepsTheLastLines(t *testing.T) {
	t.Parallel()
	l := open(t, Config{Lines: 3})
	defer closing(t, l)
	for i := range 10 {
		say(l, "a", "web.1", fmt.Sprint(i))
	}
	say(l, "b", "web.1", "other app")
	equal(t, texts(l, "a", Filter{}, 100, 0), []string{"7", "8", "9"})
	equal(t, texts(l, "a", Filter{}, 2, 0), []string{"8", "9"})
	equal(t, texts(l, "a", Filter{}, 0, 0), nil)
}

func TestStreamKeepsItsLimitOfBytes(t *testing.T) {
	t.Parallel()
	l := open(t, Config{Bytes: 30_000})
	defer closing(t, l)
	for range 10 {
		say(l, "a", "web.1", strings.Repeat("x", 9000))
	}
	if n := len(texts(l, "a", Filter{}, 100, 0)); n != 3 {
		t.Errorf("%d lines of 9000 bytes are kept, want 3", n)
	}
}

func TestLongLinesAreSplitBetweenRunes(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	defer closing(t, l)
	say(l, "a", "web.1", "x"+strings.Repeat("é", 10_000))
	got := texts(l, "a", Filter{}, 100, 0)
	if len(got) != 3 || len(got[0]) != 9999 || len(got[1]) != 10_000 || len(got[2]) != 2 {
		t.Fatalf("pieces: %d", len(got))
	}
}

func TestFilterChoosesDynoTypeAndSource(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	defer closing(t, l)
	say(l, "a", "web.1", "one")
	say(l, "a", "web.10", "ten")
	say(l, "a", "webby.1", "webby")
	l.Write("a", Entry{Source: "heroku", Proc: "web.1", Text: "State changed from starting to up"})
	l.Write("a", Entry{Source: "heroku", Proc: "router", Text: "at=info"})
	equal(t, texts(l, "a", Filter{Dyno: "web"}, 9, 0), []string{"one", "ten", "State changed from starting to up"})
	equal(t, texts(l, "a", Filter{Dyno: "web.1"}, 9, 0), []string{"one", "State changed from starting to up"})
	equal(t, texts(l, "a", Filter{Dyno: "web.1", Source: "app"}, 9, 0), []string{"one"})
	equal(t, texts(l, "a", Filter{Source: "heroku"}, 1, 0), []string{"at=info"})
	equal(t, texts(l, "a", Filter{Dyno: "router"}, 1, 0), []string{"at=info"})
}

func TestLinesAndIdsOutliveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Dir: dir, Lines: 5})
	for i := range 23 {
		say(l, "a", "web.1", fmt.Sprint(i))
		if i%4 == 0 {
			l.flush()
		}
	}
	var last int64
	for id := range l.Read(t.Context(), "a", Filter{}, 2, false, 0) {
		if last == 0 {
			last = id
		}
	}
	closing(t, l)

	l = open(t, Config{Dir: dir, Lines: 5})
	defer closing(t, l)
	equal(t, texts(l, "a", Filter{}, 100, 0), []string{"18", "19", "20", "21", "22"})
	say(l, "a", "web.1", "new")
	equal(t, texts(l, "a", Filter{}, 0, last), []string{"22", "new"})
}

func TestTornLastLineIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	say(l, "a", "web.1", "whole")
	closing(t, l)
	path := filepath.Join(dir, "apps", "a.log")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("L\t99999999999999999\t1700000000000000000\tapp\tweb.1\t\ttorn")
	f.Close()

	l = open(t, Config{Dir: dir})
	say(l, "a", "web.1", "next")
	closing(t, l)
	l = open(t, Config{Dir: dir})
	defer closing(t, l)
	equal(t, texts(l, "a", Filter{}, 9, 0), []string{"whole", "next"})
}

func TestBufferedLinesReachTheFileSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, Config{Dir: dir})
		say(l, "a", "web.1", "hello")
		time.Sleep(flushAfter + time.Millisecond)
		synctest.Wait()
		b, err := os.ReadFile(filepath.Join(dir, "apps", "a.log"))
		if err != nil || !strings.Contains(string(b), "hello") {
			t.Errorf("file has %q, %v", b, err)
		}
		closing(t, l)
	})
}

func TestOldLinesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{})
		say(l, "a", "web.1", "old")
		time.Sleep(6 * 24 * time.Hour)
		say(l, "a", "web.1", "young")
		time.Sleep(25 * time.Hour)
		equal(t, texts(l, "a", Filter{}, 9, 0), []string{"young"})
		l.Write("a", Entry{At: time.Now().Add(-8 * 24 * time.Hour), Text: "too late"})
		equal(t, texts(l, "a", Filter{}, 9, 0), []string{"young"})
		closing(t, l)
	})
}

func TestSweepRemovesOldFilesAndIdleStreams(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	defer closing(t, l)
	say(l, "a", "web.1", "line")
	l.sweep(time.Now().Add(2 * time.Hour))
	if len(l.streams) != 0 {
		t.Error("an idle stream stayed in memory")
	}
	equal(t, texts(l, "a", Filter{}, 9, 0), []string{"line"})
	l.sweep(time.Now().Add(8 * 24 * time.Hour))
	say(l, "b", "web.1", "line") // unloaded, then too old
	l.sweep(time.Now().Add(2 * time.Hour))
	l.sweep(time.Now().Add(8 * 24 * time.Hour))
	left, err := filepath.Glob(filepath.Join(dir, "apps", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestDeleteForgetsAnAppAndEndsItsTails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, Config{Dir: dir})
		say(l, "a", "web.1", "line")
		ended := make(chan []string)
		go func() {
			var got []string
			for _, e := range l.Read(t.Context(), "a", Filter{}, 9, true, 0) {
				got = append(got, e.Text)
			}
			ended <- got
		}()
		synctest.Wait()
		if err := l.Delete("a"); err != nil {
			t.Fatal(err)
		}
		equal(t, <-ended, []string{"line"})
		equal(t, texts(l, "a", Filter{}, 9, 0), nil)
		closing(t, l)
		if left, _ := filepath.Glob(filepath.Join(dir, "apps", "*")); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
}

func TestTailGetsWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{})
		say(l, "a", "web.1", "before")
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan string, 10)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, e := range l.Read(ctx, "a", Filter{Dyno: "web"}, 9, true, 0) {
				got <- e.Text
			}
		}()
		equal(t, <-got, "before")
		say(l, "a", "worker.1", "not chosen")
		say(l, "a", "web.2", "after")
		equal(t, <-got, "after")
		cancel()
		<-done
		closing(t, l)
	})
}

func TestSlowTailIsToldWhatItMissed(t *testing.T) {
	t.Parallel()
	l := open(t, Config{Lines: 100})
	defer closing(t, l)
	say(l, "a", "web.1", "first")
	var got []Entry
	var ids []int64
	for id, e := range l.Read(t.Context(), "a", Filter{Dyno: "web"}, 9, true, 0) {
		if len(got) == 0 { // while the first is being printed, much happens
			for i := range 150 {
				say(l, "a", "worker.1", "x")
				say(l, "a", "web.1", fmt.Sprint(i))
			}
		}
		got, ids = append(got, e), append(ids, id)
		if e.Text == "149" {
			break
		}
	}
	if len(got) != 52 {
		t.Fatalf("got %d lines, want first, L11 and the last 50", len(got))
	}
	since := got[1].Text[strings.LastIndex(got[1].Text, " ")+1:]
	equal(t, got[1].Proc, "logplex")
	equal(t, got[1].Source, "heroku")
	equal(t, got[1].Text, "L11 (Tail buffer overflow) -> This tail session dropped 100 messages since "+since)
	if _, err := time.Parse(stamp, since); err != nil {
		t.Error(err)
	}
	equal(t, got[2].Text, "100")
	for i := 1; i < len(ids); i++ {
		if ids[i] <= ids[i-1] {
			t.Errorf("id %d follows %d", ids[i], ids[i-1])
		}
	}
}

func TestBadIdsTouchNoFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Dir: filepath.Join(dir, "logs")})
	for _, id := range []string{"", "../x", "a/b", ".hidden", "a\nb", strings.Repeat("a", 200)} {
		say(l, id, "web.1", "line")
		if _, err := l.NewSession(id, Filter{}, 1, false); err == nil {
			t.Errorf("session for %q", id)
		}
		if _, err := l.Output(id).Write([]byte("x")); err == nil {
			t.Errorf("output %q", id)
		}
	}
	closing(t, l)
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	equal(t, left, []string{filepath.Join(dir, "logs")})
}
