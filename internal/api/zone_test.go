package api_test

import (
	"testing"

	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAnOperatorFailsAndHealsAZone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var none []heroku.Zone
	if h.call("GET", "/zones", nil).want(t, 200, &none); len(none) != 0 {
		t.Errorf("there are %+v before any was seen", none)
	}
	h.update(func(tx *store.Tx) error {
		for _, name := range []string{"b", "a"} {
			if err := tx.ObserveZone(name, true); err != nil {
				return err
			}
		}
		return nil
	})
	var z heroku.Zone
	h.call("POST", "/zones/a/actions/fail", nil).want(t, 200, &z)
	if z.Name != "a" || z.State != "failed" || z.FailedBy != email || z.FailedAt.IsZero() || z.Reason == "" {
		t.Errorf("failed: %+v", z)
	}
	var all []heroku.Zone
	h.call("GET", "/zones", nil).want(t, 200, &all)
	if len(all) != 2 || all[0] != z || all[1] != (heroku.Zone{Name: "b", State: "healthy"}) {
		t.Errorf("zones %+v", all)
	}
	h.call("POST", "/zones/b/actions/fail", nil).refused(t, 422, "invalid_params", "Zone b is the last one that dynos can run in. Heal another one first.")
	h.call("POST", "/zones/c/actions/fail", nil).refused(t, 404, "not_found", `Couldn't find that zone: "c". There are a, b.`)
	h.call("POST", "/zones/a/actions/heal", nil).want(t, 200, &z)
	if z != (heroku.Zone{Name: "a", State: "healthy"}) {
		t.Errorf("healed: %+v", z)
	}
}
