package control

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister/internal/store"
)

// refuse makes every write to a file of this process fail, as a full disk does, until the returned function is called.
func refuse(t *testing.T) (relent func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(l syscall.Rlimit) {
		t.Helper()
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { set(before) })
	set(syscall.Rlimit{Cur: 0, Max: before.Max})
	return func() { set(before) }
}

// What ended while nothing could be written is recorded as soon as it can be: not when its lease is over, two minutes
// later, nor is it done again.
func TestResultsOutliveAStoreThatRefusesThem(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), store.Config{DSN: filepath.Join(dir, "cloister.db"), Key: make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		h := &house{t: t, store: s}
		var steps atomic.Int32
		ended := make(chan struct{})
		loop := NewLoop(s, map[string]Step{"thing": func(context.Context, string) (time.Duration, error) {
			steps.Add(1)
			<-ended
			return 0, nil
		}}, "me", 4, rand.New(rand.NewPCG(1, 1)), slog.New(slog.DiscardHandler))
		stop := h.run(loop.Run)
		defer stop()
		h.touch("thing", "a")
		h.touch("thing", "b")
		after(time.Second)
		relent := refuse(t)
		close(ended)
		after(30 * time.Second)
		if w := h.work("thing", "a"); w == nil || w.Owner != "me" {
			t.Fatalf("while nothing can be written the work is %+v: the test refuses nothing", w)
		}
		relent()
		after(2 * time.Second)
		if a, b := h.work("thing", "a"), h.work("thing", "b"); a != nil || b != nil {
			t.Errorf("two seconds after there was room again the work is %+v, %+v", a, b)
		}
		h.touch("thing", "a")
		after(time.Second)
		if n := steps.Load(); n != 3 {
			t.Errorf("%d steps, want one for each touch", n)
		}
	})
}
