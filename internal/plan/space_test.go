package plan_test

import (
	"slices"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
)

func TestASpaceIsEnsuredWithItsNewestRanges(t *testing.T) {
	s := cloister.Space{ID: "s", CIDR: cloister.DefaultCIDR, DataCIDR: cloister.DefaultDataCIDR, State: cloister.Allocated}
	p := plan.Space(plan.SpaceState{Space: s, Ruleset: cloister.Ruleset{Sources: cloister.Everyone()}, Apps: make([]plan.SpaceApp, 3)})
	if p.Ensure.ID != "s" || p.Ensure.Dynos != s.CIDR || p.Ensure.Data != s.DataCIDR || !slices.Equal(p.Ensure.Trusted, cloister.Everyone()) || p.Delete {
		t.Errorf("plan %+v", p)
	}
}

func TestASpaceIsDeletedAfterItsAppsAndTheirDynos(t *testing.T) {
	s := plan.SpaceState{Space: cloister.Space{ID: "s", State: cloister.Deleting}, Apps: make([]plan.SpaceApp, 1),
		Seen: []engine.Status{{ID: "1", Space: "s"}, {ID: "2", Space: "other"}}}
	if p := plan.Space(s); !p.Waiting || p.Delete {
		t.Errorf("with an app in it: %+v", p)
	}
	s.Apps = nil
	if p := plan.Space(s); !p.Delete || !slices.Equal(p.Drop, []string{"1"}) {
		t.Errorf("empty: %+v", p)
	}
}
