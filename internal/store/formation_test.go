package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestProcessTypesArePutAndDeleted(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		put := func(pt cloister.ProcessType) {
			t.Helper()
			update(t, s, func(tx *store.Tx) error { return tx.PutProcessType(pt) })
		}
		worker := cloister.ProcessType{ID: cloister.NewID(), AppID: x.app.ID, Type: "worker", Command: "work", Quantity: 3,
			Size: "Private-S", CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
		web := worker
		web.ID, web.Type = cloister.NewID(), "web"
		put(worker)
		put(web)
		formation := func(tx *store.Tx) ([]cloister.ProcessType, error) { return tx.Formation(x.app.ID) }
		same(t, read(t, s, formation), []cloister.ProcessType{web, worker})

		p.clock.advance(time.Second)
		again := worker
		again.ID, again.CreatedAt = cloister.NewID(), p.clock.Now() // a second put finds the first by app and type
		again.Command, again.Quantity, again.Size, again.UpdatedAt = "work harder", 0, "Private-L", p.clock.Now()
		put(again)
		again.ID, again.CreatedAt = worker.ID, worker.CreatedAt
		same(t, read(t, s, formation), []cloister.ProcessType{web, again})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.ProcessType, error) { return tx.SpaceFormation(x.space.ID) }),
			[]cloister.ProcessType{web, again})
		same(t, read(t, s, (*store.Tx).AllProcessTypes), []cloister.ProcessType{web, again})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.ProcessType, error) { return tx.SpaceFormation("another space") }),
			[]cloister.ProcessType(nil))

		update(t, s, func(tx *store.Tx) error { return tx.DeleteProcessType(x.app.ID, "web") })
		same(t, read(t, s, formation), []cloister.ProcessType{again})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteProcessType(x.app.ID, "web") })
	})
}
