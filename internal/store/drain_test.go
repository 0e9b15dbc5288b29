package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestDrainsBelongToTheirApp(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		drains := func(tx *store.Tx) ([]cloister.Drain, error) { return tx.Drains(x.app.ID) }
		same(t, len(read(t, s, drains)), 0)
		var want []cloister.Drain
		for _, u := range []cloister.Secret{"https://user:hush@example.com/ü", "syslog://example.com:514"} {
			d := cloister.Drain{ID: cloister.NewID(), AppID: x.app.ID, URL: u, Token: cloister.NewDrainToken(),
				CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
			update(t, s, func(tx *store.Tx) error { return tx.InsertDrain(d) })
			want = append(want, d)
			p.clock.advance(time.Second)
		}
		same(t, read(t, s, drains), want)
		twin := want[0]
		twin.ID = cloister.NewID()
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertDrain(twin) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteDrain(want[0].ID) })
		same(t, read(t, s, drains), want[1:])
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteDrain(want[0].ID) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
		same(t, len(read(t, s, drains)), 0)
	})
}

func TestASpaceHasOneDrainAtMost(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		drain := func(tx *store.Tx) (cloister.Drain, error) { return tx.SpaceDrain(x.space.ID) }
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := drain(tx); return err })
		for _, u := range []cloister.Secret{"https://user:hush@example.com/ü", "https://example.com"} {
			d := cloister.Drain{ID: cloister.NewID(), SpaceID: x.space.ID, URL: u, Token: cloister.NewDrainToken(), CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
			update(t, s, func(tx *store.Tx) error { return tx.PutSpaceDrain(d) })
			same(t, read(t, s, drain), d)
			p.clock.advance(time.Second)
		}
	})
}
