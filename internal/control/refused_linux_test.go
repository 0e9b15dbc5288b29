package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/engine/fake"
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

// A failing builder fails as one whose disk is full.
type failing struct {
	builds atomic.Int32
	begun  chan struct{}
	fail   chan struct{}
}

func (f *failing) Build(context.Context, build.Job, io.Writer) (build.Result, error) {
	f.builds.Add(1)
	close(f.begun)
	<-f.fail
	return build.Result{}, &os.PathError{Op: "write", Path: "layer", Err: syscall.ENOSPC}
}

func (f *failing) DropCache(context.Context, string) error { return nil }

func (f *failing) ImportSlug(context.Context, cloister.Stack, string, cloister.Slug, io.Reader) (cloister.Slug, error) {
	return cloister.Slug{}, syscall.ENOSPC
}

type transcript struct{ bytes.Buffer }

func (*transcript) Close() error { return nil }

// A build that failed on a full disk has failed: it is not built again when there is room, unless somebody asks.
func TestBuildThatFailsOnAFullDiskStaysFailed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), store.Config{DSN: filepath.Join(dir, "cloister.db"), Key: make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p := &plant{house: &house{t: t, store: s}}
		p.update(p.seed)
		want := cloister.Build{ID: cloister.NewID(), AppID: p.app.ID, Status: cloister.BuildPending, SourceURL: "x", Stack: "debian-12", FromGit: true}
		builder := &failing{begun: make(chan struct{}), fail: make(chan struct{})}
		builds := NewBuilds(s, builder, BuildConfig{AtOnce: 1, Say: func(string, string) {},
			Open: func(context.Context, string) (io.ReadCloser, bool, error) {
				return io.NopCloser(&bytes.Buffer{}), false, nil
			},
			Output: func(string) io.WriteCloser { return &transcript{} }}, slog.New(slog.DiscardHandler))
		c := New(s, fake.New(fake.Config{}), &paperRouter{}, &silence{drains: map[string][]cloister.Drain{}}, builds, Config{Owner: "me"}, slog.New(slog.DiscardHandler))
		defer p.run(c.Run)()
		after(time.Minute)
		p.update(func(tx *store.Tx) error {
			want.CreatedAt, want.UpdatedAt = tx.Now, tx.Now
			return errors.Join(tx.PutStack(cloister.Stack{Name: "debian-12", Default: true, CreatedAt: tx.Now}), tx.InsertBuild(want), tx.Touch("build", want.ID))
		})
		<-builder.begun
		synctest.Wait()
		relent := refuse(t)
		close(builder.fail)
		after(30 * time.Second)
		relent()
		after(touchEvery + time.Minute) // everything is looked at meanwhile
		var got cloister.Build
		p.look(func(tx *store.Tx) (err error) {
			got, err = tx.Build(want.ID)
			return err
		})
		if got.Status != cloister.BuildFailed || got.Message != "The disk of the server is full. Free some space there and try again." {
			t.Errorf("the build is %s: %q", got.Status, got.Message)
		}
		if n := builder.builds.Load(); n != 1 {
			t.Errorf("it was built %d times", n)
		}
	})
}
