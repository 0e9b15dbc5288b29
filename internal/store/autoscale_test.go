package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAnAppScalesEachProcessTypeInOneWay(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		all := func(tx *store.Tx) ([]cloister.Autoscale, error) { return tx.Autoscales(x.app.ID) }
		same(t, len(read(t, s, all)), 0)
		web := cloister.Autoscale{ID: cloister.NewID(), AppID: x.app.ID, Type: "web", Active: true, Min: 1, Max: 4, Latency: 1500 * time.Millisecond,
			CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
		worker := web
		worker.ID, worker.Type, worker.Latency, worker.CPU = cloister.NewID(), "worker", 0, 80
		update(t, s, func(tx *store.Tx) error { return tx.PutAutoscale(worker) })
		update(t, s, func(tx *store.Tx) error { return tx.PutAutoscale(web) })
		same(t, read(t, s, all), []cloister.Autoscale{web, worker})
		p.clock.advance(time.Minute)
		web.Active, web.Min, web.Max, web.Latency, web.CPU, web.ScaledAt, web.UpdatedAt = false, 2, 3, 0, 50, p.clock.Now(), p.clock.Now()
		update(t, s, func(tx *store.Tx) error {
			again := web
			again.ID = cloister.NewID()
			return tx.PutAutoscale(again)
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Autoscale, error) { return tx.Autoscale(web.ID) }), web)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Autoscale(cloister.NewID()); return err })
		update(t, s, func(tx *store.Tx) error { return tx.TouchAll() })
		same(t, worked(t, s, "autoscale", worker.ID), true)
		same(t, worked(t, s, "autoscale", web.ID), false)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
		same(t, len(read(t, s, all)), 0)
	})
}

// worked reports whether there is work for an object.
func worked(t *testing.T, s *store.Store, kind, id string) (ok bool) {
	t.Helper()
	view(t, s, func(tx *store.Tx) (err error) {
		_, ok, err = tx.WorkFor(kind, id)
		return err
	})
	return ok
}

func TestErrorsAreCountedByTheHour(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		hour := p.clock.Now().UTC().Truncate(time.Hour)
		count := func(typ, code string, h time.Time, n int) cloister.ErrorCount {
			return cloister.ErrorCount{AppID: x.app.ID, Type: typ, Code: code, Hour: h, Count: n}
		}
		update(t, s, func(tx *store.Tx) error {
			for _, c := range []cloister.ErrorCount{count("", "H12", hour, 2), count("", "H12", hour, 3), count("web", "R15", hour, 1), count("", "H10", hour.Add(-time.Hour), 7)} {
				if err := tx.AddErrorCount(c); err != nil {
					return err
				}
			}
			return tx.AddErrorCount(cloister.ErrorCount{AppID: cloister.NewID(), Code: "H12", Hour: hour, Count: 1})
		})
		counts := func(from, until time.Time) []cloister.ErrorCount {
			return read(t, s, func(tx *store.Tx) ([]cloister.ErrorCount, error) { return tx.ErrorCounts(x.app.ID, from, until) })
		}
		old, now := count("", "H10", hour.Add(-time.Hour), 7), []cloister.ErrorCount{count("", "H12", hour, 5), count("web", "R15", hour, 1)}
		same(t, counts(hour.Add(-time.Hour), hour.Add(time.Hour)), append([]cloister.ErrorCount{old}, now...))
		same(t, counts(hour.Add(-time.Hour), hour), []cloister.ErrorCount{old})
		update(t, s, func(tx *store.Tx) error { return tx.ForgetErrorCounts(hour) })
		same(t, counts(hour.Add(-24*time.Hour), hour.Add(time.Hour)), now)
	})
}
