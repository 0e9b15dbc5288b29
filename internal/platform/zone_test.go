package platform_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAZoneIsDeclaredFailedOnceAndEveryAppIsLookedAt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first, err := h.FailZone(t.Context(), h.operator, "a")
	must(t, err)
	if first.FailedAt.IsZero() || first.FailedBy != "operator@example.com" || first.Works() {
		t.Errorf("declared %+v", first)
	}
	touched := func() (n int) {
		h.update(t, func(tx *store.Tx) error { all, err := tx.Work(); n = len(all); return err })
		return n
	}
	if n := touched(); n != 2 { // the space and the app
		t.Errorf("%d objects are looked at", n)
	}
	h.advance(time.Hour)
	again, err := h.FailZone(t.Context(), h.operator, "a")
	must(t, err)
	same(t, again, first)
	_, err = h.FailZone(t.Context(), h.operator, "b")
	must(t, err)
	_, err = h.FailZone(t.Context(), h.operator, "c")
	wantKind(t, err, cloister.Invalid)
	healed, err := h.HealZone(t.Context(), h.operator, "a")
	must(t, err)
	if !healed.Works() || healed.FailedBy != "" {
		t.Errorf("healed %+v", healed)
	}
}

func TestAZoneThatIsSeenToBeUnhealthyCannotBeHealedByWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.update(t, func(tx *store.Tx) error { return tx.ObserveZone("a", false) })
	_, err := h.HealZone(t.Context(), h.operator, "a")
	wantKind(t, err, cloister.Invalid)
	_, err = h.HealZone(t.Context(), h.operator, "x")
	wantKind(t, err, cloister.NotFound)
	all, err := h.Zones(t.Context(), h.operator)
	must(t, err)
	if len(all) != 3 || all[0].Works() || all[0].Reason() == "" || !all[1].Works() || all[1].Reason() != "" {
		t.Errorf("zones %+v", all)
	}
}
