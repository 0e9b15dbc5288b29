package store_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAPendingReleaseBecomesCurrentOrFails(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		add := func(automatic bool, types map[string]string) (r cloister.Release) {
			update(t, s, func(tx *store.Tx) error {
				slug := newSlug(tx, x.app, 1)
				slug.ProcessTypes = types
				if err := tx.InsertSlug(slug); err != nil {
					return err
				}
				app, err := tx.App(x.app.ID)
				if err != nil {
					return err
				}
				r, err = tx.AddRelease(app, cloister.Release{SlugID: slug.ID, Automatic: automatic, Config: map[string]cloister.Secret{}}, "Private-S")
				return err
			})
			return r
		}
		end := func(r cloister.Release, succeeded bool) (ended bool) {
			update(t, s, func(tx *store.Tx) error {
				app, err := tx.App(x.app.ID)
				if err != nil {
					return err
				}
				now, err := tx.Release(app.ID, r.ID)
				if err != nil {
					return err
				}
				ended, err = tx.EndPhase(app, now, succeeded, "Private-S")
				return err
			})
			return ended
		}
		versions := func() (out [2]int) { // current, newest
			now := read(t, s, func(tx *store.Tx) (cloister.Release, error) { return tx.CurrentRelease(x.app.ID) })
			newest := read(t, s, func(tx *store.Tx) (cloister.Release, error) { return tx.NewestRelease(x.app.ID) })
			return [2]int{now.Version, newest.Version}
		}
		types := func() (out []string) {
			for _, f := range read(t, s, func(tx *store.Tx) ([]cloister.ProcessType, error) { return tx.Formation(x.app.ID) }) {
				out = append(out, f.Type)
			}
			return out
		}
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.NewestRelease(x.app.ID); return err })
		add(false, map[string]string{"web": "w"})
		plain, phased := map[string]string{"web": "w"}, map[string]string{"web": "w", "clock": "c", "release": "r"}
		bad, good := add(false, phased), add(false, phased)
		same(t, versions(), [2]int{1, 3})
		same(t, types(), []string{"release", "web"})
		for _, r := range []cloister.Release{bad, good} {
			before := read(t, s, func(tx *store.Tx) (int, error) { return tx.PendingBefore(x.app.ID, r.Version) })
			same(t, before, r.Version-2)
		}
		runs := read(t, s, func(tx *store.Tx) ([]cloister.Run, error) { return tx.Runs(x.app.ID) })
		if len(runs) != 2 || runs[0].ReleaseID == runs[1].ReleaseID || runs[0].Type != "release" || runs[0].Command != "r" || runs[0].Number < 1000 || runs[0].Number > 9999 {
			t.Errorf("they are run by %+v", runs)
		}
		same(t, end(bad, false), true)
		same(t, end(bad, true), false) // it has ended
		same(t, versions(), [2]int{1, 3})
		same(t, end(good, true), true)
		same(t, versions(), [2]int{3, 3})
		same(t, types(), []string{"clock", "release", "web"})

		late := add(false, phased)
		add(false, plain)
		same(t, versions(), [2]int{5, 5})
		same(t, end(late, true), true) // it went well, but is not the newest
		same(t, versions(), [2]int{5, 5})
		same(t, types(), []string{"web"})
		if r := add(true, phased); r.Phase || r.Status != cloister.ReleaseSucceeded {
			t.Errorf("an automatic release waits: %+v", r)
		}
	})
}
