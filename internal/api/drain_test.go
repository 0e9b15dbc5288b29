package api_test

import (
	"net/url"
	"testing"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestDrainsAreRemovedByIDURLOrToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	const address = "https://user:hush@logs.example.com/in/?a=1&b=%2F"
	for _, ref := range []func(heroku.LogDrain) string{
		func(d heroku.LogDrain) string { return d.ID },
		func(d heroku.LogDrain) string { return d.URL },
		func(d heroku.LogDrain) string { return d.Token },
	} {
		var d, gone heroku.LogDrain
		h.call("POST", "/apps/hello/log-drains", map[string]string{"url": address}).want(t, 201, &d)
		h.call("POST", "/apps/hello/log-drains", map[string]string{"url": address}).refused(t, 422, "invalid_params",
			"Url has already been taken. App hello has this drain.")
		path := "/apps/hello/log-drains/" + url.QueryEscape(ref(d)) // as the official CLI does
		h.call("GET", path, nil).want(t, 200, &gone)
		h.call("DELETE", path, nil).want(t, 200, &gone)
		if gone != d || d.URL != address {
			t.Errorf("added %+v, removed %+v", d, gone)
		}
		h.call("DELETE", path, nil).refused(t, 404, "not_found", "Couldn't find that log drain.")
	}
	h.call("POST", "/apps/hello/log-drains", `{}`).refused(t, 422, "invalid_params",
		"Url is missing. A drain is https://user:password@host/path, syslog+tls://host:port or syslog://host:port.")
}
