package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestEveryWayToShowATokenWorks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, sign := range map[string]func(*http.Request){
		"bearer":                   as(h.token),
		"bearer in small letters":  header("Authorization", "bearer "+h.token),
		"password of no user":      func(r *http.Request) { r.SetBasicAuth("", h.token) },
		"password of git's user":   func(r *http.Request) { r.SetBasicAuth("heroku", h.token) },
		"password of an e-mail":    func(r *http.Request) { r.SetBasicAuth(email, h.token) },
		"password of another user": func(r *http.Request) { r.SetBasicAuth("eve@example.com", h.token) },
	} {
		t.Run(name, func(t *testing.T) {
			var got heroku.Account
			h.call("GET", "/account", nil, sign).want(t, 200, &got)
			if got.Email != email {
				t.Errorf("it is the token of %s", got.Email)
			}
		})
	}
	const none = "There were no credentials in your `Authorization` header. Try `Authorization: Bearer <OAuth access token>`."
	for name, x := range map[string]struct {
		sign    func(*http.Request)
		message string
	}{
		"none":           {func(r *http.Request) { r.Header.Del("Authorization") }, none},
		"empty":          {header("Authorization", "Bearer "), none},
		"unknown scheme": {header("Authorization", "Digest "+h.token), none},
		"broken basic":   {header("Authorization", "Basic %%%"), none},
		"wrong token":    {as(hexOf('0', 64)), "Invalid credentials provided."},
		// A password signs in; it does not work as a token.
		"the password": {func(r *http.Request) { r.SetBasicAuth(email, password.Reveal()) }, "Invalid credentials provided."},
	} {
		t.Run(name, func(t *testing.T) { h.call("GET", "/account", nil, x.sign).refused(t, 401, "unauthorized", x.message) })
	}
}

func TestSigningInWithAPasswordGivesATokenForAMonth(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sign := func(address, p string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(address, p) }
	}
	in := `{"description":"Heroku CLI login from here","expires_in":2592000,"scope":["global"]}`
	var got heroku.Authorization
	h.call("POST", "/oauth/authorizations", in, sign("Ada@Example.com", password.Reveal())).want(t, 201, &got)
	if got.User.Email != email || *got.AccessToken.ExpiresIn != 2592000 {
		t.Errorf("got %+v, %d seconds", got.User, *got.AccessToken.ExpiresIn)
	}
	h.call("GET", "/account", nil, as(got.AccessToken.Token)).want(t, 200, nil)
	for _, wrong := range []func(*http.Request){sign(email, "correct mule"), sign("eve@example.com", password.Reveal())} {
		h.call("POST", "/oauth/authorizations", in, wrong).refused(t, 401, "unauthorized", "Invalid credentials provided.")
	}
	// It may also be made by a token, Terraform's way included.
	h.call("POST", "/oauth/authorizations", `{}`, sign(email, h.token)).want(t, 201, nil)
}

// The official CLI logs out of those tokens in the list that are the one it uses, and of none if "~" is.
func TestLoggingOutFindsItsOwnTokenAndNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := h.tokenOf(h.ada)
	var all []heroku.Authorization
	h.call("GET", "/oauth/authorizations", nil).want(t, 200, &all)
	var own []heroku.Authorization
	for _, x := range all {
		if strings.Contains(x.AccessToken.Token, strings.Repeat("*", 10)) {
			t.Errorf("%s is taken for anything that ends alike", x.AccessToken.Token)
		}
		if x.AccessToken.Token == h.token {
			own = append(own, x)
		}
		if x.AccessToken.Token == other {
			t.Error("the list shows a token that the caller did not show")
		}
	}
	if len(all) != 2 || len(own) != 1 {
		t.Fatalf("of %d tokens %d are the caller's", len(all), len(own))
	}
	var inUse heroku.Authorization
	if h.call("GET", "/oauth/authorizations/~", nil).want(t, 200, &inUse); inUse.AccessToken.Token == h.token {
		t.Error("~ says that the token in use is the default one, which is never logged out of")
	}
	h.call("DELETE", "/oauth/sessions/~", nil).refused(t, 404, "not_found", "Couldn't find that session.")
	h.call("DELETE", "/oauth/authorizations/"+own[0].ID, nil).want(t, 200, nil)
	h.call("GET", "/account", nil).refused(t, 401, "unauthorized", "Invalid credentials provided.")
	h.call("GET", "/account", nil, as(other)).want(t, 200, nil)
}

func TestRotatingATokenEndsTheOldOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var made, turned heroku.Authorization
	h.call("POST", "/oauth/authorizations", `{"description":"ci"}`).want(t, 201, &made)
	h.call("POST", "/oauth/authorizations/"+made.ID+"/actions/regenerate-tokens", nil).want(t, 200, &turned)
	h.call("GET", "/account", nil, as(made.AccessToken.Token)).want(t, 401, nil)
	h.call("GET", "/account", nil, as(turned.AccessToken.Token)).want(t, 200, nil)
	h.call("PATCH", "/oauth/authorizations/"+made.ID, `{"description":"cd"}`).want(t, 200, &turned)
	if turned.Description != "cd" {
		t.Errorf("it is called %q", turned.Description)
	}
}

func TestEveryVariantOfAcceptIsTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, accept := range []string{"", "*/*", "application/json", "application/vnd.heroku+json; version=3",
		"application/vnd.heroku+json; version=3.dogwood", "application/vnd.heroku+json; version=3.no-such-thing", "text/html"} {
		got := h.call("GET", "/account", nil, header("Accept", accept)).want(t, 200, nil)
		if c := got.Header.Get("Content-Type"); c != "application/json" {
			t.Errorf("%q is answered with %s", accept, c)
		}
	}
}

func TestTheFirstRequestIDComesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for sent, want := range map[string]string{
		"aaaa-1":               "^aaaa-1$",
		"aaaa-1,bbbb-2,cccc-3": "^aaaa-1$",
		"":                     `^[0-9a-f-]{36}$`,
		"no\tgood":             `^[0-9a-f-]{36}$`,
	} {
		got := h.call("GET", "/account", nil, header("Request-Id", sent)).Header.Get("Request-Id")
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%q comes back as %q", sent, got)
		}
	}
}

func TestAnAnswerThatIsKnownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.call("GET", "/account", nil).want(t, 200, nil)
	again := h.call("GET", "/account", nil, header("If-None-Match", `"x", W/`+first.Header.Get("ETag"))).want(t, 304, nil)
	if len(again.body) > 0 {
		t.Errorf("it is sent: %s", again.body)
	}
	h.call("GET", "/account", nil, header("If-None-Match", `"x"`)).want(t, 200, nil)
}

func TestCallsAreCounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if got := h.call("GET", "/account", nil).Header.Get("RateLimit-Remaining"); got != "4499" {
		t.Errorf("%s calls are left after the first", got)
	}
	var left heroku.RateLimit
	if h.call("GET", "/account/rate-limits", nil).want(t, 200, &left); left.Remaining != 4498 {
		t.Errorf("%d calls are left after the second", left.Remaining)
	}
}

func TestHEADHasNoBody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.call("HEAD", "/account", nil).want(t, 200, nil)
	if len(got.body) > 0 || got.Header.Get("ETag") == "" {
		t.Errorf("body %q, headers %v", got.body, got.Header)
	}
}

func TestAPathMayEndInASlash(t *testing.T) {
	t.Parallel()
	newHouse(t).call("GET", "/account/", nil)
}

func TestNamesInPathsAreUnescapedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	h.call("GET", "/spaces/cellar/members/ada%40example.com", nil).want(t, 200, nil)
	for _, path := range []string{"/apps/hel%2Flo", "/apps/hello%00", "/apps/%FF", "/apps/..%2Fhello", "/apps/hello%2541"} {
		h.call("GET", path, nil).refused(t, 404, "not_found", "Couldn't find that app.")
	}
	h.call("GET", "/apps/HELLO", nil).want(t, 200, nil) // names are of any case, as in host names
}

// Whatever the engine's trouble is, the call is taken; the person learns that it may take a while.
func TestTroubleOfTheEngineIsAWarningToThoseWhoChangeThings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.trouble = "The engine does not answer; changes wait until it does."
	if w := h.call("GET", "/account", nil).Header.Get("Warning-Message"); w != "" {
		t.Errorf("reading warns: %s", w)
	}
	if w := h.call("POST", "/spaces", `{"name":"attic","team":"acme"}`).want(t, 201, nil).Header.Get("Warning-Message"); w != h.trouble {
		t.Errorf("the warning is %q", w)
	}
}

// URLs with a secret are of the address that the request came to.
func TestURLsFollowTheTunnel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	tunnel := func(r *http.Request) { r.Host = "localhost:9999" }
	var s heroku.LogSession
	h.call("POST", "/apps/hello/log-sessions", `{"lines":10,"tail":false}`, tunnel).want(t, 201, &s)
	if !strings.HasPrefix(s.LogplexURL, "http://localhost:9999/streams/logs/") {
		t.Errorf("log sessions are at %s", s.LogplexURL)
	}
	var src heroku.Source
	h.call("POST", "/sources", nil, tunnel).want(t, 201, &src)
	if src.SourceBlob.PutURL != "http://localhost:9999/sources/put-secret" {
		t.Errorf("sources are at %s", src.SourceBlob.PutURL)
	}
}

func TestAPanicIsAnErrorWithTheRequestsID(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	h.panics = true
	res := h.call("DELETE", "/apps/hello/build-cache", nil, header("Request-Id", "the-id"))
	res.refused(t, 500, "internal_server_error", "Internal server error. The operator finds its cause in the server's log by the request id the-id.")
	if strings.Contains(string(res.body), "boom") {
		t.Errorf("the cause is told: %s", res.body)
	}
	var e map[string]any
	check(t, json.Unmarshal(res.body, &e))
	h.call("GET", "/account", nil).want(t, 200, nil)
}

func TestDELETEAnswersWithAnObject(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	h.deploy(app)
	h.run(app, "web", 1)
	for _, x := range [][2]string{
		{"DELETE", "/apps/hello/dynos/web.1"}, {"DELETE", "/apps/hello/dynos/web"}, {"DELETE", "/apps/hello/dynos"}, {"DELETE", "/apps/hello/formations/web"},
		{"POST", "/apps/hello/dynos/web.1/actions/stop"}, {"POST", "/apps/hello/formations/web/actions/stop"},
		{"DELETE", "/apps/hello/build-cache"},
	} {
		if got := h.call(x[0], x[1], nil).want(t, 202, nil); strings.TrimSpace(string(got.body)) != "{}" {
			t.Errorf("%s %s answers %q", x[0], x[1], got.body)
		}
	}
	if len(h.caches) != 1 || h.caches[0] != app.ID {
		t.Errorf("the caches of %v were dropped", h.caches)
	}
	var gone heroku.App
	if h.call("DELETE", "/apps/hello", nil).want(t, 200, &gone); gone.Name != "hello" {
		t.Errorf("destroyed %q", gone.Name)
	}
	var s heroku.Space
	h.call("DELETE", "/spaces/cellar", nil).want(t, 200, &s)
	if s.State != string(cloister.Deleting) || s.Name != "cellar" {
		t.Errorf("destroyed %q, which is %s", s.Name, s.State)
	}
	h.call("GET", "/spaces/cellar", nil).refused(t, 404, "not_found", "Couldn't find that space.")
	h.call("GET", "/spaces/"+s.ID, nil).refused(t, 404, "not_found", "Couldn't find that space.")
}
