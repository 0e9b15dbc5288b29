package api_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// Heroku's CLI signs in to HEROKU_EXEC_URL by the name of the app, and its token.
func TestAPassIntoADynoIsForWhoMayGoThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	h.deploy(app)
	web := h.run(app, "web", 1)
	sign := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth("hello", token) }
	}
	var got heroku.Exec
	h.call("PUT", "/api/v2/web.1", `{"client_key":"ssh-rsa AAAA"}`, sign(h.token)).want(t, 200, &got)
	u, err := url.Parse(h.url)
	check(t, err)
	if got.TunnelHost != u.Hostname() || got.ClientUser != "pass" || got.ProxyPublicKey != "ssh-ed25519 AAAA" {
		t.Errorf("got %+v", got)
	}
	if want := email + " " + app.ID + " " + web.ID + " ssh-rsa AAAA"; len(h.entered) != 1 || h.entered[0] != want {
		t.Errorf("the pass is %q, want %q", h.entered, want)
	}
	var up []heroku.ExecDyno
	h.call("GET", "/api/v2", nil, sign(h.token)).want(t, 200, &up)
	if len(up) != 1 || up[0].DynoName != "web.1" {
		t.Errorf("got %+v", up)
	}
	h.call("PUT", "/api/v2/web.7", `{"client_key":"ssh-rsa AAAA"}`, sign(h.token)).refused(t, 404, "not_found", "Couldn't find that dyno.")
	_, err = h.platform.CreateTeam(t.Context(), h.ada, "other")
	check(t, err)
	eve := h.person("eve@example.com", "")
	_, err = h.platform.AddMember(t.Context(), h.ada, "other", "eve@example.com", cloister.Admin)
	check(t, err)
	for _, method := range []string{"PUT", "GET"} {
		path := map[string]string{"PUT": "/api/v2/" + web.ID, "GET": "/api/v2"}[method]
		if res := h.call(method, path, `{"client_key":"ssh-rsa AAAA"}`, sign(eve)); res.StatusCode != 404 {
			t.Errorf("%s tells a stranger %d: %s", method, res.StatusCode, res.body)
		}
	}
	if len(h.entered) != 1 {
		t.Errorf("passes are %q", h.entered)
	}
}
