package store_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func newDyno(tx *store.Tx, app cloister.App, typ string, number int) cloister.Dyno {
	return cloister.Dyno{ID: cloister.NewID(), AppID: app.ID, SpaceID: app.SpaceID, Type: typ, Number: number,
		ReleaseID: "r", Version: 3, Size: "Private-S", Command: "bin/" + typ, Zone: "a", State: cloister.DynoStarting,
		CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func putDynos(t *testing.T, s *store.Store, app cloister.App, names ...string) (out []cloister.Dyno) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		out = nil
		for _, name := range names {
			d := newDyno(tx, app, name[:len(name)-2], int(name[len(name)-1]-'0'))
			if err := tx.PutDyno(d); err != nil {
				return err
			}
			out = append(out, d)
		}
		return nil
	})
	return out
}

func TestPutDynoWritesTheStatusAndLeavesRestartAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		d := putDynos(t, s, x.app, "web.1")[0]
		dynos := func(tx *store.Tx) ([]cloister.Dyno, error) { return tx.Dynos(x.app.ID) }
		same(t, read(t, s, dynos), []cloister.Dyno{d})

		update(t, s, func(tx *store.Tx) error { _, err := tx.RestartDynos(x.app.ID, "web", 1); return err })
		p.clock.advance(time.Second)
		now := p.clock.Now()
		d.Zone, d.State, d.RetireAt, d.StopAt, d.UpAt, d.EndedAt = "b", cloister.DynoCrashed, now, now.Add(1), now, now.Add(time.Hour)
		d.StopAt = now.Add(time.Microsecond)
		d.Address, d.Endpoint = netip.MustParseAddr("10.0.128.5"), netip.MustParseAddrPort("100.64.0.9:5000")
		d.Exit, d.Crashes = 137, 4
		changed := d
		changed.Type, changed.Command, changed.CreatedAt = "worker", "rm -rf", now // of a dyno that only starts once
		update(t, s, func(tx *store.Tx) error { return tx.PutDyno(changed) })
		d.Restart, d.UpdatedAt = true, now
		same(t, read(t, s, dynos), []cloister.Dyno{d})

		update(t, s, func(tx *store.Tx) error { return tx.DeleteDyno(d.ID) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteDyno(d.ID) }) // gone is gone
		same(t, read(t, s, dynos), []cloister.Dyno(nil))
	})
}

func TestDynosAreListedByTypeNumberAndAge(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var other cloister.App
		update(t, s, func(tx *store.Tx) error {
			other = newApp(tx, "calm-gate", x.space)
			return tx.InsertApp(other)
		})
		older := putDynos(t, s, x.app, "worker.1", "web.2", "web.1")
		p.clock.advance(time.Microsecond)
		newer := putDynos(t, s, x.app, "web.1")
		mine := []cloister.Dyno{older[2], newer[0], older[1], older[0]}
		theirs := putDynos(t, s, other, "web.9")
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Dyno, error) { return tx.Dynos(x.app.ID) }), mine)

		all, webs := append(mine, theirs...), append(mine[:3:3], theirs...)
		if other.ID < x.app.ID {
			all, webs = append(theirs[:1:1], mine...), append(theirs[:1:1], mine[:3]...)
		}
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Dyno, error) { return tx.SpaceDynos(x.space.ID) }), all)
		same(t, read(t, s, (*store.Tx).AllDynos), all)
		same(t, read(t, s, (*store.Tx).WebDynos), webs)
	})
}

func TestRestartDynosPicksAllOrATypeOrOneAndSkipsTheRetired(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		for _, test := range []struct {
			typ    string
			number int
			want   []string
		}{
			{"", 0, []string{"web.1", "web.2", "worker.1"}},
			{"web", 0, []string{"web.1", "web.2"}},
			{"web", 2, []string{"web.2"}},
			{"web", 7, nil},
			{"clock", 0, nil},
		} {
			dynos := putDynos(t, s, x.app, "web.1", "web.2", "worker.1", "web.3")
			update(t, s, func(tx *store.Tx) error {
				dynos[3].RetireAt = tx.Now
				if err := tx.PutDyno(dynos[3]); err != nil {
					return err
				}
				n, err := tx.RestartDynos(x.app.ID, test.typ, test.number)
				same(t, n, len(test.want))
				return err
			})
			var got []string
			for _, d := range read(t, s, func(tx *store.Tx) ([]cloister.Dyno, error) { return tx.Dynos(x.app.ID) }) {
				if d.Restart {
					got = append(got, d.Name())
				}
			}
			same(t, got, test.want)
			update(t, s, func(tx *store.Tx) error {
				for _, d := range dynos {
					if err := tx.DeleteDyno(d.ID); err != nil {
						return err
					}
				}
				return nil
			})
		}
	})
}
