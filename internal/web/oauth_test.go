package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

// A thirdParty is a program on another site, to which people come back.
type thirdParty struct {
	*site
	client cloister.OAuthClient
	came   chan url.Values
}

func newThirdParty(t *testing.T) *thirdParty {
	t.Helper()
	x := &thirdParty{site: newSite(t), came: make(chan url.Values, 9)}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { x.came <- r.URL.Query() }))
	t.Cleanup(server.Close)
	var err error
	x.client, err = x.platform.CreateOAuthClient(t.Context(), x.ada, "Amazing <b>", server.URL+"/callback?its=own")
	check(t, err)
	return x
}

// page is where the program sends people.
func (x *thirdParty) page(change ...string) string {
	q := url.Values{"client_id": {x.client.ID}, "response_type": {"code"}, "scope": {"identity read"}, "state": {"its state"}}
	for i := 0; i+1 < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	return "/oauth/authorize?" + q.Encode()
}

// tokens asks for tokens as the program does.
func (x *thirdParty) tokens(form url.Values) (status int, out map[string]any) {
	x.t.Helper()
	res, err := http.PostForm(x.url+"/oauth/token", form)
	check(x.t, err)
	defer res.Body.Close()
	check(x.t, json.NewDecoder(res.Body).Decode(&out))
	return res.StatusCode, out
}

func TestAClientIsLetActForSomebody(t *testing.T) {
	x := newThirdParty(t)
	b := x.browser()
	got := b.get(x.page())
	got.has(t, 200, "Sign in")
	got = b.signIn(x.page())
	got.has(t, 200, "Amazing &lt;b&gt;", email, "learn who you are", "without config vars and logs", x.client.RedirectURI)
	if csp := got.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http://127.0.0.1:") {
		t.Errorf("the page cannot lead back: %s", csp)
	}
	form := url.Values{"client_id": {x.client.ID}, "response_type": {"code"}, "scope": {"identity read"}, "state": {"its state"}, "decision": {"allow"}}
	b.post("/oauth/authorize", form)
	back := <-x.came
	if back.Get("its") != "own" || back.Get("state") != "its state" || back.Get("code") == "" {
		t.Fatalf("came back with %v", back)
	}
	exchange := url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "client_secret": {x.client.Secret.Reveal()}}
	status, out := x.tokens(exchange)
	if status != 200 || out["token_type"] != "Bearer" || out["expires_in"] != 28800.0 || out["user_id"] != x.ada.User.ID || out["scope"] != "identity read" {
		t.Fatalf("%d %v", status, out)
	}
	a, err := x.platform.Authenticate(t.Context(), "", cloister.Secret(out["access_token"].(string)))
	if err != nil || a.User.Email != email || len(a.Scope) != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	if status, again := x.tokens(exchange); status != 401 || again["error"] != "invalid_grant" {
		t.Errorf("a code twice: %d %v", status, again)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {out["refresh_token"].(string)}, "client_secret": {x.client.Secret.Reveal()}}
	status, next := x.tokens(refresh)
	if status != 200 || next["access_token"] == out["access_token"] || next["refresh_token"] != out["refresh_token"] {
		t.Errorf("%d %v", status, next)
	}
	if _, err := x.platform.Authenticate(t.Context(), "", cloister.Secret(out["access_token"].(string))); cloister.KindOf(err) != cloister.Unauthorized {
		t.Errorf("the old token: %v", err)
	}
	all, err := x.platform.Authorizations(t.Context(), x.ada)
	if err != nil || len(all) != 1 || all[0].Client.ID != x.client.ID {
		t.Fatalf("%+v, %v", all, err)
	}
	_, err = x.platform.RevokeAuthorization(t.Context(), x.ada, all[0].ID)
	check(t, err)
	if status, gone := x.tokens(refresh); status != 401 || gone["error"] != "invalid_grant" {
		t.Errorf("after it was revoked: %d %v", status, gone)
	}
}

func TestAClientIsRefused(t *testing.T) {
	x := newThirdParty(t)
	b := x.browser()
	b.signIn(x.page())
	b.post("/oauth/authorize", url.Values{"client_id": {x.client.ID}, "response_type": {"code"}, "decision": {"refuse"}})
	if back := <-x.came; back.Get("error") != "access_denied" || back.Get("code") != "" {
		t.Errorf("came back with %v", back)
	}
}

func TestWhatIsWrongIsToldToThePersonAlone(t *testing.T) {
	x := newThirdParty(t)
	b := x.browser()
	b.signIn("")
	for name, c := range map[string]struct {
		path   string
		status int
		says   string
	}{
		"another client":      {x.page("client_id", cloister.NewID()), 404, "The program that sent you here is not known."},
		"another place":       {x.page("redirect_uri", "https://evil.example/"), 422, "another place than it has registered"},
		"another scope":       {x.page("scope", "everything"), 422, "There is no scope"},
		"a token in the page": {x.page("response_type", "token"), 422, "Use code."},
	} {
		t.Run(name, func(t *testing.T) { b.get(c.path).has(t, c.status, c.says) })
	}
	b.post("/oauth/authorize", url.Values{"client_id": {x.client.ID}, "response_type": {"code"}, "decision": {"allow"}},
		func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).has(t, 403, "another site")
	if len(x.came) > 0 {
		t.Errorf("somebody came back with %v", <-x.came)
	}
}

func TestNobodyElseGetsAClientsTokens(t *testing.T) {
	x := newThirdParty(t)
	other, err := x.platform.CreateOAuthClient(t.Context(), x.ada, "Other", "https://other.example/")
	check(t, err)
	_, code, err := x.platform.Grant(t.Context(), x.ada, x.client.ID, []string{"read"})
	check(t, err)
	form := func(secret, kind, code string) url.Values {
		return url.Values{"grant_type": {kind}, "code": {code}, "client_secret": {secret}}
	}
	for name, f := range map[string]url.Values{
		"no secret":      form("", "authorization_code", code.Reveal()),
		"another secret": form("nonsense", "authorization_code", code.Reveal()),
		"another client": form(other.Secret.Reveal(), "authorization_code", code.Reveal()),
		"another code":   form(x.client.Secret.Reveal(), "authorization_code", "nonsense"),
	} {
		if status, out := x.tokens(f); status != 401 || out["access_token"] != nil {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if status, out := x.tokens(form(x.client.Secret.Reveal(), "password", "")); status != 400 || out["error"] != "unsupported_grant_type" {
		t.Errorf("%d %v", status, out)
	}
	rotated, err := x.platform.RotateOAuthClient(t.Context(), x.ada, x.client.ID)
	check(t, err)
	if status, _ := x.tokens(form(x.client.Secret.Reveal(), "authorization_code", code.Reveal())); status != 401 {
		t.Errorf("the old secret: %d", status)
	}
	if status, out := x.tokens(form(rotated.Secret.Reveal(), "authorization_code", code.Reveal())); status != 200 {
		t.Errorf("the client itself: %d %v", status, out)
	}
	tooMany := 0
	for range loginsHour + 5 {
		if status, _ := x.tokens(form("nonsense", "authorization_code", "x")); status == http.StatusTooManyRequests {
			tooMany++
		}
	}
	if tooMany == 0 {
		t.Error("secrets can be guessed for ever")
	}
}
