package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// together runs fn n times at once and fails if one of them does.
func together(t *testing.T, n int, fn func(i int) error) {
	t.Helper()
	var g errgroup.Group
	for i := range n {
		g.Go(func() error { return fn(i) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestNoUpdateIsLost(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		const writers, each = 8, 12
		s := p.open(t)
		together(t, writers, func(i int) error {
			s := s
			if p.shared() && i%2 == 1 {
				s = p.open(t)
			}
			for range each {
				if err := s.Update(t.Context(), func(tx *store.Tx) error {
					v, err := tx.Setting("counter")
					if err != nil {
						return err
					}
					n, _ := strconv.Atoi(v)
					return tx.SetSetting("counter", strconv.Itoa(n+1))
				}); err != nil {
					return err
				}
			}
			return nil
		})
		same(t, read(t, s, func(tx *store.Tx) (string, error) { return tx.Setting("counter") }), strconv.Itoa(writers*each))
	})
}

// Two transactions that each read what the other writes cannot both have come first.
func TestUpdatesAreSerializable(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		for round := range 10 {
			name := func(i int) string { return fmt.Sprintf("chapel-%d-%d", round, i) }
			together(t, 4, func(i int) error { // each adds an app if the space has at most round+1
				return s.Update(t.Context(), func(tx *store.Tx) error {
					n, err := tx.CountApps(x.space.ID)
					if err != nil || n > round+1 {
						return err
					}
					return tx.InsertApp(newApp(tx, name(i), x.space))
				})
			})
			same(t, read(t, s, func(tx *store.Tx) (int, error) { return tx.CountApps(x.space.ID) }), round+2)
		}
	})
}

func TestVersionsOfManyWritersAtOnceHaveNoGap(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		together(t, 6, func(i int) error {
			return s.Update(t.Context(), func(tx *store.Tx) error {
				app, err := tx.App(x.app.ID)
				if err != nil {
					return err
				}
				_, err = tx.AddRelease(app, cloister.Release{Config: app.Config}, "Private-S")
				return err
			})
		})
		var versions []int
		for _, r := range read(t, s, func(tx *store.Tx) ([]cloister.Release, error) { return tx.Releases(x.app.ID) }) {
			versions = append(versions, r.Version)
		}
		same(t, versions, []int{6, 5, 4, 3, 2, 1})
	})
}

func TestAFailedUpdateLeavesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		boom := errors.New("boom")
		set := func(tx *store.Tx) error { return tx.SetSetting("a", "b") }
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return errors.Join(set(tx), boom) }); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		func() {
			defer func() { same(t, recover(), "boom") }()
			s.Update(t.Context(), func(tx *store.Tx) error { set(tx); panic("boom") })
		}()
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.Update(ctx, func(tx *store.Tx) error { defer cancel(); return set(tx) }); err == nil {
			t.Fatal("an update whose context is done was committed")
		}
		same(t, read(t, s, func(tx *store.Tx) (string, error) { return tx.Setting("a") }), "")
		update(t, s, set) // and the store goes on
		same(t, read(t, s, func(tx *store.Tx) (string, error) { return tx.Setting("a") }), "b")
	})
}

func TestViewSeesOneStateAndChangesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		set := func(v string) func(tx *store.Tx) error {
			return func(tx *store.Tx) error { return tx.SetSetting("a", v) }
		}
		update(t, s, set("before"))
		if !p.shared() {
			return // one connection: a View and an Update take turns
		}
		view(t, s, func(tx *store.Tx) error {
			first, err := tx.Setting("a")
			if err != nil {
				return err
			}
			update(t, s, set("after"))
			second, err := tx.Setting("a")
			same(t, []string{first, second}, []string{"before", "before"})
			return err
		})
		if err := s.View(t.Context(), set("sneaked in")); err == nil {
			t.Error("a View wrote")
		}
		same(t, read(t, s, func(tx *store.Tx) (string, error) { return tx.Setting("a") }), "after")
	})
}

func TestTextThatADatabaseCannotHoldIsTheCallersMistake(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		if !p.postgres() {
			return // SQLite holds any text
		}
		s := p.open(t)
		wantKind(t, s, cloister.Invalid, func(tx *store.Tx) error { return tx.SetSetting("a", "\x00") })
	})
}

func TestAnyFileNameWillDo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "50% off?#1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := &place{dsn: filepath.Join(dir, "what?#100%25.db"), key: make([]byte, 32), clock: newClock()}
	s := p.open(t)
	update(t, s, func(tx *store.Tx) error { return tx.SetSetting("a", "b") })
	same(t, read(t, s, func(tx *store.Tx) (string, error) { return tx.Setting("a") }), "b")
	if _, err := os.Stat(p.dsn); err != nil {
		t.Fatal(err)
	}
}
