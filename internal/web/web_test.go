package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

const (
	email    = "ada@example.com"
	password = "long enough"
)

// A site is the pages over a real platform, with one person.
type site struct {
	t        testing.TB
	url      string
	store    *store.Store
	platform *platform.Platform
	web      *Web
	ada      cloister.Actor
}

func newSite(t testing.TB) *site {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
	check(t, err)
	t.Cleanup(func() { s.Close() })
	log := slog.New(slog.DiscardHandler)
	x := &site{t: t, store: s, platform: platform.New(s, platform.Config{AppDomain: "apps.localhost", OutboundPool: netip.MustParsePrefix("198.18.0.0/24")}, log)}
	x.ada, err = x.platform.SetUp(t.Context(), platform.Setup{Email: email, Password: password, Team: "acme"})
	check(t, err)
	x.web = New(x.platform, Config{Logs: said{}, GitURL: "https://git.example/"}, log)
	server := httptest.NewServer(x.web)
	t.Cleanup(server.Close)
	x.url = server.URL
	return x
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A browser is somebody at a site.
type browser struct {
	*site
	client *http.Client
}

func (x *site) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{site: x, client: &http.Client{Jar: jar}}
}

// A seen page is what a browser ended at.
type seen struct {
	*http.Response
	path, text string
}

func (b *browser) do(r *http.Request) seen {
	b.t.Helper()
	r.Header.Set("User-Agent", "Firefox")
	res, err := b.client.Do(r)
	check(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(b.t, err)
	return seen{Response: res, path: res.Request.URL.RequestURI(), text: string(text)}
}

func (b *browser) get(path string) seen {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url+path, nil)
	check(b.t, err)
	return b.do(r)
}

// post sends a form as a page of the site does.
func (b *browser) post(path string, form url.Values, change ...func(*http.Request)) seen {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	check(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, f := range change {
		f(r)
	}
	return b.do(r)
}

func (b *browser) signIn(to string, change ...string) seen {
	b.t.Helper()
	form := url.Values{"email": {email}, "password": {password}, "to": {to}}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return b.post("/sign-in", form)
}

func (s seen) has(t testing.TB, status int, texts ...string) {
	t.Helper()
	if s.StatusCode != status {
		t.Errorf("%s: status %d, want %d:\n%s", s.path, s.StatusCode, status, s.text)
	}
	for _, x := range texts {
		if !strings.Contains(s.text, x) {
			t.Errorf("%s: %q is missing in\n%s", s.path, x, s.text)
		}
	}
}

// program begins a login as the CLI does.
func (x *site) program(description string) (browserURL, cliURL, token string) {
	x.t.Helper()
	body, _ := json.Marshal(map[string]string{"description": description})
	res, err := http.Post(x.url+"/auth", "application/json", strings.NewReader(string(body)))
	check(x.t, err)
	defer res.Body.Close()
	var out struct {
		BrowserURL string `json:"browser_url"`
		CLIURL     string `json:"cli_url"`
		Token      string
	}
	check(x.t, json.NewDecoder(res.Body).Decode(&out))
	return out.BrowserURL, out.CLIURL, out.Token
}

// await is what the program gets to hear.
func (x *site) await(ctx context.Context, path, token string) (status int, out map[string]string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, x.url+path, nil)
	check(x.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	json.NewDecoder(res.Body).Decode(&out)
	return res.StatusCode, out
}

func TestAProgramIsLetInByABrowser(t *testing.T) {
	x := newSite(t)
	page, cli, secret := x.program("Heroku CLI login from <laptop>")
	heard := make(chan map[string]string, 1)
	go func() {
		_, out := x.await(t.Context(), cli, secret)
		heard <- out
	}()
	b := x.browser()
	b.get(page).has(t, 200, "Sign in", `name="to" value="`+page+`"`)
	b.signIn(page, "password", "wrong").has(t, 401, "There is no account with this e-mail address and password.", `value="ada@example.com"`)
	b.signIn(page).has(t, 200, "Let a program in?", "Heroku CLI login from &lt;laptop&gt;", "127.0.0.1", email, "30 days")
	b.post(page, url.Values{"decision": {"allow"}}).has(t, 200, "Logged in")
	out := <-heard
	a, err := x.platform.Authenticate(t.Context(), "", cloister.Secret(out["access_token"]))
	check(t, err)
	all, err := x.platform.Authorizations(t.Context(), x.ada)
	check(t, err)
	if a.User.Email != email || len(all) != 1 || all[0].Description != "Heroku CLI login from <laptop>" || all[0].ExpiresAt.Sub(all[0].CreatedAt) != loginLife {
		t.Errorf("%+v, %+v", a, all)
	}
	b.post(page, url.Values{"decision": {"allow"}}).has(t, 404, "This login is over.")
	b.get(page).has(t, 404, "This login is over.")
}

func TestAProgramIsRefused(t *testing.T) {
	x := newSite(t)
	page, cli, secret := x.program("evil\x1b[2J")
	b := x.browser()
	b.signIn(page).has(t, 200, "Let a program in?", "evil[2J")
	b.post(page, url.Values{"decision": {"refuse"}}).has(t, 200, "Refused")
	if status, out := x.await(t.Context(), cli, secret); status != 200 || out["error"] != "The login was refused in the browser." || out["access_token"] != "" {
		t.Errorf("%d %v", status, out)
	}
	if all, err := x.platform.Authorizations(t.Context(), x.ada); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestOnlyTheProgramThatBeganALoginHearsOfIt(t *testing.T) {
	x := newSite(t)
	_, cli, _ := x.program("a")
	for path, want := range map[string]int{cli: 401, "/auth/cli/" + cloister.NewID(): 404} {
		if status, out := x.await(t.Context(), path, "another"); status != want || out["error"] == "" {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
}

func TestWhatAnotherSiteAsksForIsRefused(t *testing.T) {
	x := newSite(t)
	page, _, _ := x.program("a")
	b := x.browser()
	b.signIn(page)
	for name, change := range map[string]func(*http.Request){
		"by fetch metadata": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"by origin":         func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") },
	} {
		t.Run(name, func(t *testing.T) {
			b.post(page, url.Values{"decision": {"allow"}}, change).has(t, 403, "This was asked for by another site.")
			b.post("/sign-in", url.Values{"email": {email}, "password": {password}}, change).has(t, 403)
			b.post("/sign-out", nil, change).has(t, 403)
		})
	}
	if all, err := x.platform.Authorizations(t.Context(), x.ada); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestSigningInLeadsBackToOurOwnPagesAlone(t *testing.T) {
	x := newSite(t)
	for _, to := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)", "evil", "/a\r\nSet-Cookie: x=y", "/\t/evil.example"} {
		got := x.browser().signIn(to)
		got.has(t, 200, "Your apps")
		if got.path != home {
			t.Errorf("%q leads to %s", to, got.path)
		}
	}
	x.browser().get("/sign-in?to=https://evil.example/").has(t, 200, `name="to" value=""`)
}

func TestASecondFactorIsAskedForInTheBrowser(t *testing.T) {
	x := newSite(t)
	offer, err := x.platform.StartTwoFactor(t.Context(), x.ada)
	check(t, err)
	_, err = x.platform.ConfirmTwoFactor(t.Context(), x.ada, totp(t, offer.Secret, time.Now()))
	check(t, err)
	b := x.browser()
	got := b.signIn("")
	got.has(t, 401, "This account has a second factor.", `name="code"`)
	if strings.Contains(got.text, password) {
		t.Error("the password is in the page")
	}
	b.signIn("", "code", "000000").has(t, 401, `name="code"`)
	b.signIn("", "code", totp(t, offer.Secret, time.Now().Add(30*time.Second)).Reveal()).has(t, 200, "Your apps") // each code counts once
}

// totp is what an authenticator app shows (RFC 6238).
func totp(t *testing.T, secret cloister.Secret, at time.Time) cloister.Secret {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret.Reveal())
	check(t, err)
	mac := hmac.New(sha1.New, key)
	binary.Write(mac, binary.BigEndian, at.Unix()/30)
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	return cloister.Secret(fmt.Sprintf("%06d", n%1_000_000))
}

func TestABrowserIsSignedOut(t *testing.T) {
	x := newSite(t)
	b := x.browser()
	var c []*http.Cookie
	b.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		c = append(c, r.Response.Cookies()...)
		return nil
	}
	b.signIn("")
	if len(c) != 1 || c[0].Name != cookie || !c[0].HttpOnly || c[0].Secure || c[0].SameSite != http.SameSiteLaxMode || len(c[0].Value) < 32 {
		t.Errorf("%+v", c)
	}
	all, err := x.platform.Sessions(t.Context(), x.ada)
	if err != nil || len(all) != 1 || all[0].Description != "Firefox" || all[0].From != "127.0.0.1" {
		t.Errorf("%+v, %v", all, err)
	}
	b.post("/sign-out", nil).has(t, 200, "You are signed out")
	if all, err := x.platform.Sessions(t.Context(), x.ada); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	page, _, _ := x.program("a")
	b.get(page).has(t, 200, "Sign in")
	b.post("/sign-out", nil).has(t, 200, "You are signed out") // there is nothing to do
}

func TestEveryPageKeepsItselfToItself(t *testing.T) {
	x := newSite(t)
	for _, path := range []string{"/sign-in", "/auth/browser/none", "/style.css"} {
		got := x.browser().get(path)
		for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
			if !strings.Contains(got.Header.Get(name), want) {
				t.Errorf("%s: %s is %q", path, name, got.Header.Get(name))
			}
		}
		if regexp.MustCompile(`<script|style=| on[a-z]+=|https?://`).MatchString(got.text) {
			t.Errorf("%s has a script, a style or an address in it:\n%s", path, got.text)
		}
	}
}

func TestLoginsAreBounded(t *testing.T) {
	l := newLogins()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	first, err := l.begin("a", "192.0.2.1", now)
	check(t, err)
	for i := range loginsHour {
		if _, err = l.begin("a", "192.0.2.1", now); err != nil && i < loginsHour-1 {
			t.Fatalf("after %d: %v", i, err)
		}
	}
	if cloister.KindOf(err) != cloister.RateLimit {
		t.Errorf("got %v", err)
	}
	if _, err := l.find(first.id, now.Add(loginFor)); err != nil {
		t.Error(err)
	}
	if _, err := l.find(first.id, now.Add(loginFor+1)); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("got %v", err)
	}
	for i := range maxLogins {
		_, err = l.begin("a", string(rune('a'+i%20))+string(rune('a'+i/20)), now)
	}
	if cloister.KindOf(err) != cloister.Unavailable {
		t.Errorf("got %v", err)
	}
	if _, err := l.begin("a", "192.0.2.3", now.Add(loginFor+1)); err != nil || len(l.all) != 1 {
		t.Errorf("%d are left, %v", len(l.all), err)
	}
}
