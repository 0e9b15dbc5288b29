package store_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func newRun(tx *store.Tx, app cloister.App, number int) cloister.Run {
	return cloister.Run{Dyno: cloister.Dyno{ID: cloister.NewID(), AppID: app.ID, SpaceID: app.SpaceID, Type: "run", Number: number,
		ReleaseID: "r", Version: 3, Size: "Private-S", Command: "bash", State: cloister.DynoStarting, CreatedAt: tx.Now, UpdatedAt: tx.Now},
		Attached: true, Env: map[string]cloister.Secret{"TERM": "xterm"}, ExpiresAt: tx.Now.Add(time.Hour)}
}

func putRuns(t *testing.T, s *store.Store, app cloister.App, numbers ...int) (out []cloister.Run) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		out = nil
		for _, n := range numbers {
			r := newRun(tx, app, n)
			if err := tx.InsertRun(r); err != nil {
				return err
			}
			out = append(out, r)
		}
		return nil
	})
	return out
}

func TestARunKeepsWhatWasAskedForAndItsStatus(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		r := putRuns(t, s, x.app, 1234)[0]
		get := func(tx *store.Tx) (cloister.Run, error) { return tx.Run(r.ID) }
		same(t, read(t, s, get), r)

		p.clock.advance(time.Second)
		now := p.clock.Now()
		r.Zone, r.State, r.StopAt, r.UpAt, r.EndedAt, r.Exit = "b", cloister.DynoUp, now, now, now.Add(time.Second), 7
		r.Address, r.UpdatedAt = netip.MustParseAddr("10.0.128.5"), now
		changed := r
		changed.Command, changed.Attached, changed.Env, changed.Stopped, changed.Size = "rm -rf", false, nil, true, "Private-M" // are spec
		update(t, s, func(tx *store.Tx) error { return tx.PutRun(changed) })
		same(t, read(t, s, get), r)

		update(t, s, func(tx *store.Tx) error { return tx.StopRun(r.ID) })
		r.Stopped = true
		same(t, read(t, s, get), r)
		w, ok := work(t, s, "run", r.ID)
		same(t, []any{ok, w.Rev}, []any{true, int64(1)})

		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertRun(newRun(tx, x.app, 1234)) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteRun(r.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Run(r.ID); return err })
	})
}

func TestRunsAreCountedInTheirSpaceUntilTheyEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var other cloister.App
		update(t, s, func(tx *store.Tx) error {
			other = newApp(tx, "calm-gate", x.space)
			return tx.InsertApp(other)
		})
		runs := putRuns(t, s, x.app, 2000, 1000)
		theirs := putRuns(t, s, other, 1000)
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Run, error) { return tx.Runs(x.app.ID) }), []cloister.Run{runs[1], runs[0]})
		all := []cloister.Run{runs[1], runs[0], theirs[0]}
		if other.ID < x.app.ID {
			all = []cloister.Run{theirs[0], runs[1], runs[0]}
		}
		same(t, read(t, s, (*store.Tx).AllRuns), all)
		counted := func(size string) int {
			return read(t, s, func(tx *store.Tx) (int, error) { return tx.CountRuns(x.space.ID, size) })
		}
		same(t, []int{counted(""), counted("Private-S"), counted("Private-M")}, []int{3, 3, 0})
		wanted := func(tx *store.Tx) (int, error) { return tx.CountWanted(x.space.ID) }
		before := read(t, s, wanted)
		update(t, s, func(tx *store.Tx) error {
			return tx.PutProcessType(cloister.ProcessType{ID: cloister.NewID(), AppID: other.ID, Type: "clock", Quantity: 4, CreatedAt: tx.Now, UpdatedAt: tx.Now})
		})
		same(t, read(t, s, wanted), before+4)
		same(t, read(t, s, func(tx *store.Tx) (int, error) { return tx.CountWanted("another space") }), 0)
		update(t, s, func(tx *store.Tx) error { runs[0].EndedAt = tx.Now; return tx.PutRun(runs[0]) })
		same(t, counted(""), 2)

		allowed := func(size string, limit cloister.LimitName, n int) cloister.Kind {
			update(t, s, func(tx *store.Tx) error { return tx.SetLimit(x.space.ID, limit, n) })
			var kind cloister.Kind
			view(t, s, func(tx *store.Tx) error { kind = cloister.KindOf(tx.AllowRun(x.space, size)); return nil })
			return kind
		}
		same(t, []cloister.Kind{allowed("Private-S", cloister.LimitOneOffs, 3), allowed("Private-S", cloister.LimitOneOffs, 2), allowed("Private-M", cloister.LimitOneOffs, 2)},
			[]cloister.Kind{"", cloister.Invalid, ""})
		same(t, []cloister.Kind{allowed("Private-M", cloister.LimitDynos, before+4), allowed("Private-M", cloister.LimitDynos, before+3)}, []cloister.Kind{"", cloister.Invalid})

		update(t, s, func(tx *store.Tx) error {
			if err := tx.TouchRuns(x.app.ID); err != nil {
				return err
			}
			return tx.DeleteApp(x.app.ID)
		})
		same(t, counted(""), 1)
		for _, r := range runs {
			_, ok := work(t, s, "run", r.ID)
			same(t, ok, true)
		}
	})
}
