package web

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/sso"
)

// A provider sends people straight back, as whom a test wants.
type provider struct {
	site *site
	who  cloister.Identity
	err  error
}

func (p *provider) Name() string { return "Example" }

func (p *provider) Start(_ context.Context, redirect string) (string, sso.Pending, error) {
	return redirect + "?state=x&code=y", sso.Pending{State: "x"}, p.err
}

func (p *provider) Finish(_ context.Context, x sso.Pending, back url.Values) (cloister.Identity, error) {
	if back.Get("code") != "y" || x.State != "x" {
		return cloister.Identity{}, cloister.Errorf(cloister.Forbidden, "not begun here")
	}
	return p.who, nil
}

func TestPeopleSignInByAProvider(t *testing.T) {
	x := newSite(t)
	p := &provider{site: x, who: cloister.Identity{Issuer: "https://id.example.com", Subject: "1", Email: email}}
	*x.web = *New(x.platform, Config{Provider: p}, x.web.log)
	b := x.browser()
	page := b.get("/sign-in?to=%2Fsign-in%3Fhere")
	if !strings.Contains(page.text, "Sign in with Example") || !strings.Contains(page.text, `href="/sso?to=%2fsign-in%3fhere"`) {
		t.Fatalf("the page has no way to the provider:\n%s", page.text)
	}
	if page := b.get("/sso?to=%2Fsign-in%3Fhere"); page.path != "/sign-in?here" {
		t.Errorf("ended at %s: %s", page.path, page.text)
	}
	if page := b.get("/sso?to=https%3A%2F%2Fevil.example%2F"); page.path != home || !strings.Contains(page.text, "Your apps") {
		t.Errorf("ended at %s: %s", page.path, page.text)
	}
	u, _ := url.Parse(x.url)
	signedIn := false
	for _, c := range b.client.Jar.Cookies(u) {
		signedIn = signedIn || c.Name == cookie
	}
	if !signedIn {
		t.Error("the browser is not signed in")
	}

	// Whoever is sent to the callback from elsewhere has begun nothing, and an answer is good once.
	for name, c := range map[string]*browser{"another browser": x.browser(), "a second time": b} {
		if page := c.get("/sso/callback?state=x&code=y"); page.StatusCode != 403 || !strings.Contains(page.text, "not begun in this browser") {
			t.Errorf("%s: %d %s", name, page.StatusCode, page.text)
		}
	}
	p.who.Subject, p.who.Email = "2", "nobody@example.com"
	if page := x.browser().get("/sso"); page.StatusCode != 403 || !strings.Contains(page.text, "There is no account of nobody@example.com here") {
		t.Errorf("a stranger: %d %s", page.StatusCode, page.text)
	}
	p.err = cloister.Errorf(cloister.Unavailable, "Example does not answer now.")
	if page := x.browser().get("/sso"); page.StatusCode != 503 || !strings.Contains(page.text, "does not answer now") {
		t.Errorf("a provider that is away: %d %s", page.StatusCode, page.text)
	}
}

func TestWithoutAProviderThereIsNoWayToIt(t *testing.T) {
	x := newSite(t)
	if page := x.browser().get("/sign-in"); strings.Contains(page.text, "/sso") {
		t.Errorf("the page leads to a provider:\n%s", page.text)
	}
	if page := x.browser().get("/sso"); page.StatusCode != 404 {
		t.Errorf("got %d", page.StatusCode)
	}
}
