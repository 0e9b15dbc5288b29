package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAReleaseWithACommandIsPendingAndHasAnOutput(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	slug := cloister.Slug{ID: cloister.NewID(), AppID: app.ID, Stack: "debian-12", Image: "sha256:a",
		ProcessTypes: map[string]string{"web": "serve", "release": "migrate"}}
	h.update(func(tx *store.Tx) error {
		slug.CreatedAt, slug.UpdatedAt = tx.Now, tx.Now
		return tx.InsertSlug(slug)
	})
	var r heroku.Release
	h.call("POST", "/apps/hello/releases", map[string]string{"slug": slug.ID}).want(t, 201, &r)
	if r.Status != "pending" || r.Current || r.OutputStreamURL == nil || r.EligibleForRollback {
		t.Fatalf("it is %+v", r)
	}
	read := func() (int, string) {
		res, err := http.Get(*r.OutputStreamURL) // without a token: the address is its own
		check(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		check(t, err)
		return res.StatusCode, string(b)
	}
	if status, _ := read(); status != 404 {
		t.Errorf("before it runs its output is %d", status)
	}
	out := h.logs.Output(r.ID)
	io.WriteString(out, "migrated\n")
	check(t, out.Close())
	if status, body := read(); status != 200 || body != "migrated\n" {
		t.Errorf("its output is %d %q", status, body)
	}
	var types []heroku.Formation
	h.call("GET", "/apps/hello/formation", nil).want(t, 200, &types)
	if len(types) != 1 || types[0].Type != "release" || types[0].Quantity != 0 {
		t.Errorf("the formation is %+v", types) // by it, clients know that there is something to retry
	}
	h.update(func(tx *store.Tx) error {
		a, err := tx.App(app.ID)
		if err != nil {
			return err
		}
		v, err := tx.Release(app.ID, r.ID)
		if err != nil {
			return err
		}
		_, err = tx.EndPhase(a, v, false, "Private-S")
		return err
	})
	var all []heroku.Release
	h.call("GET", "/apps/hello/releases", nil).want(t, 200, &all)
	if last := all[len(all)-1]; last.Status != "failed" || last.Current || !all[0].Current {
		t.Errorf("releases %+v", all)
	}
	if !strings.Contains(*r.OutputStreamURL, r.ID) {
		t.Errorf("its output is at %s", *r.OutputStreamURL)
	}
}

func TestFeaturesOfAnAppAreSwitched(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	var all []heroku.Feature
	h.call("GET", "/apps/hello/features", nil).want(t, 200, &all)
	on := map[string]bool{}
	for _, f := range all {
		on[f.Name] = f.Enabled
	}
	if len(all) != 7 || !on["spaces-strict-tls"] || on["spaces-tls-modern"] || !on["runtime-heroku-exec"] || !on["preboot"] || !on["release-rollback"] || on["daily-dyno-restarts"] || on["log-runtime-metrics"] {
		t.Errorf("features %+v", all)
	}
	var f heroku.Feature
	for _, ref := range []string{"preboot", all[2].ID} {
		h.call("PATCH", "/apps/hello/features/"+ref, `{"enabled":false}`).want(t, 200, &f)
		h.call("GET", "/apps/hello/features/"+ref, nil).want(t, 200, &f)
		if f.Name != "preboot" || f.Enabled {
			t.Errorf("%s is %+v", ref, f)
		}
	}
	h.call("PATCH", "/apps/hello/features/flight", `{"enabled":true}`).refused(t, 404, "not_found", "Couldn't find that feature.")
	h.call("PATCH", "/apps/hello/features/preboot", `{}`).refused(t, 422, "invalid_params", "enabled is required: true or false.")
	var app heroku.App
	h.call("PATCH", "/apps/hello", `{"boot_timeout":120}`).want(t, 200, &app)
	if h.call("GET", "/apps/hello", nil).want(t, 200, &app); app.BootTimeout != 120 {
		t.Errorf("the boot timeout is %d", app.BootTimeout)
	}
	for _, bad := range []string{"0", "-1", "181"} {
		h.call("PATCH", "/apps/hello", `{"boot_timeout":`+bad+`}`).refused(t, 422, "invalid_params", "A boot timeout is between 1 and 180 seconds.")
	}
}
