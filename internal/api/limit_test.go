package api_test

import (
	"testing"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestLimitsOfASpace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	var all []heroku.Limit
	h.call("GET", "/spaces/cellar/limits", nil).want(t, 200, &all)
	apps := heroku.Limit{Name: "apps", Value: 20, Use: 1, Default: 20, Most: 1000, Description: "apps of a space"}
	if len(all) < 9 || all[0] != apps {
		t.Fatalf("limits: %+v", all)
	}
	h.call("PATCH", "/spaces/cellar/limits", `{"apps":1}`).want(t, 200, &all)
	if apps.Value = 1; all[0] != apps {
		t.Fatalf("limits: %+v", all)
	}
	h.call("POST", "/teams/apps", `{"name":"bye","space":"cellar"}`).refused(t, 422, "invalid_params",
		"Space cellar has 1 apps, and would have 2; the limit is 1. Destroy one, or ask an operator of this installation to raise it: `cloister limits:set apps=2 --space cellar`.")
	h.call("PATCH", "/spaces/cellar/limits", `{"apps":null}`).want(t, 200, &all)
	h.call("POST", "/teams/apps", `{"name":"bye","space":"cellar"}`).want(t, 201, nil)
	h.call("PATCH", "/spaces/cellar/limits", `{"cats":1}`).refused(t, 422, "invalid_params",
		`There is no limit "cats". Use one of apps, process-types, dynos-per-type, dynos, one-offs, trusted-ranges, outbound-rules, peerings, drains, webhooks, scheduled-jobs, domains, add-ons, certificates.`)
	h.call("PATCH", "/spaces/cellar/limits", `{"apps":"many"}`).refused(t, 422, "invalid_params", `"many" is not a whole number.`)
}
