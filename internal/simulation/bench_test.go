package simulation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/store"
)

// The size of the installation to measure: CLOISTER_BENCH_APPS sets it, as the full one takes minutes.
const (
	fullSize     = 10_000 // apps
	dynosPerApp  = 5
	appsPerSpace = 20 // the limit
)

// BenchmarkPlaceAll measures how long control takes to place all dynos of an installation on the fake engine, from
// rows that say what is wanted to the last dyno in the router's table; and then how long it takes to look at everything
// once more when there is nothing to do. The database is a SQLite file, as in a real installation.
func BenchmarkPlaceAll(b *testing.B) {
	n := fullSize
	if v := os.Getenv("CLOISTER_BENCH_APPS"); v != "" {
		if _, err := fmt.Sscan(v, &n); err != nil {
			b.Fatal(err)
		}
	}
	for range b.N {
		b.StopTimer()
		place(b, n)
	}
}

func place(b *testing.B, n int) {
	ctx := b.Context()
	st, err := store.Open(ctx, store.Config{DSN: b.TempDir() + "/bench.db", Key: make([]byte, 32)})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	table := &lastTable{}
	s := &server{store: st}
	s.fake = fake.New(fake.Config{Behave: func(engine.Workload) fake.Behaviour { return fake.Behaviour{} }})
	if err := errors.Join(st.Update(ctx, s.seed), st.Update(ctx, func(tx *store.Tx) error { return fill(tx, n) })); err != nil {
		b.Fatal(err)
	}
	s.control = control.New(st, s.fake, table, silence{}, nil, control.Config{Owner: "server", AppDomain: "apps.localhost"},
		slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError})))
	b.StartTimer()
	began := time.Now()
	s.start()
	s.wait(b, func() bool { return table.dynos() == n*dynosPerApp })
	placed := time.Since(began)
	s.wait(b, func() bool { return s.idle(ctx) })
	b.StopTimer()
	b.ReportMetric(placed.Seconds(), "s-to-place")
	b.ReportMetric(float64(n*dynosPerApp)/placed.Seconds(), "dynos/s")

	b.StartTimer()
	began = time.Now()
	if err := st.Update(ctx, func(tx *store.Tx) error { return tx.TouchAll() }); err != nil {
		b.Fatal(err)
	}
	s.wait(b, func() bool { return s.idle(ctx) })
	b.StopTimer()
	b.ReportMetric(time.Since(began).Seconds(), "s-no-op-pass")
	if err := s.stop(); err != nil {
		b.Fatal(err)
	}
}

// fill writes an installation: n apps of dynosPerApp web dynos each, released and waiting.
func fill(tx *store.Tx, n int) error {
	team, err := tx.Team("acme")
	if err != nil {
		return err
	}
	var space cloister.Space
	for i := range n {
		if i%appsPerSpace == 0 {
			space = cloister.Space{ID: cloister.NewID(), Name: fmt.Sprintf("space-%d", i/appsPerSpace), TeamID: team.ID,
				Region: cloister.DefaultRegion, CIDR: cloister.DefaultCIDR, DataCIDR: cloister.DefaultDataCIDR,
				State: cloister.Allocating, CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := errors.Join(tx.InsertSpace(space), tx.InsertRuleset(cloister.Ruleset{ID: cloister.NewID(), SpaceID: space.ID,
				Sources: cloister.Everyone(), CreatedAt: tx.Now})); err != nil {
				return err
			}
		}
		app := cloister.App{ID: cloister.NewID(), Name: fmt.Sprintf("app-%d", i), SpaceID: space.ID, TeamID: team.ID,
			Stack: "debian-12", Label: cloister.NewLabel(), SlugSize: 1, ReleasedAt: tx.Now, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		slug := cloister.Slug{ID: cloister.NewID(), AppID: app.ID, Image: "sha256:fake", CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := errors.Join(tx.InsertApp(app), tx.InsertSlug(slug),
			tx.InsertRelease(cloister.Release{ID: cloister.NewID(), AppID: app.ID, Version: 1, SlugID: slug.ID,
				Status: cloister.ReleaseSucceeded, CreatedAt: tx.Now, UpdatedAt: tx.Now}),
			tx.PutProcessType(cloister.ProcessType{ID: cloister.NewID(), AppID: app.ID, Type: "web", Command: "serve",
				Quantity: dynosPerApp, Size: "Private-S", CreatedAt: tx.Now, UpdatedAt: tx.Now})); err != nil {
			return err
		}
	}
	return nil
}

// lastTable is a router that only keeps the last table, so that its own work is not measured.
type lastTable struct {
	table atomic.Pointer[cloister.Routes]
}

func (l *lastTable) Publish(t cloister.Routes)          { l.table.Store(&t) }
func (l *lastTable) Drained(netip.AddrPort, int64) bool { return true }

func (l *lastTable) dynos() (n int) {
	if t := l.table.Load(); t != nil {
		for _, a := range t.Apps {
			n += len(a.Dynos)
		}
	}
	return n
}

// idle reports whether nobody has any work left.
func (s *server) idle(ctx context.Context) bool {
	var left []store.Work
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		left, err = tx.Work()
		return err
	})
	return err == nil && len(left) == 0
}

func (s *server) wait(b *testing.B, done func() bool) {
	b.Helper()
	for deadline := time.Now().Add(20 * time.Minute); !done(); {
		if time.Now().After(deadline) {
			b.Fatal("it takes more than 20 minutes")
		}
		select {
		case err := <-s.ended:
			b.Fatalf("control ended: %v", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
