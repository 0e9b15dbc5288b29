package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

func (x *site) invite(email string) string {
	x.t.Helper()
	_, token, err := x.platform.Invite(x.t.Context(), x.ada, "acme", email, cloister.MemberRole)
	check(x.t, err)
	return "/invitations/" + token.Reveal()
}

func TestWhoIsInvitedGetsAnAccount(t *testing.T) {
	x := newSite(t)
	path := x.invite("bob@example.com")
	b := x.browser()
	page := b.get(path)
	if page.StatusCode != 200 || !strings.Contains(page.text, "ada@example.com invites bob@example.com to the team acme, as member") || !strings.Contains(page.text, "new-password") {
		t.Fatalf("got %d\n%s", page.StatusCode, page.text)
	}
	for text, form := range map[string]url.Values{
		"The two passwords are not the same.":       {"password": {"long enough"}, "again": {"long enuff"}},
		"Password must have at least 8 characters.": {"password": {"short"}, "again": {"short"}},
	} {
		if page := b.post(path, form); page.StatusCode != 422 || !strings.Contains(page.text, text) || strings.Contains(page.text, "long enough") {
			t.Errorf("got %d, want %s\n%s", page.StatusCode, text, page.text)
		}
	}
	page = b.post(path, url.Values{"password": {"long enough"}, "again": {"long enough"}})
	if page.StatusCode != 200 || !strings.Contains(page.text, "You are a member of acme") {
		t.Fatalf("got %d\n%s", page.StatusCode, page.text)
	}
	a, err := x.platform.SignIn(t.Context(), "192.0.2.1", "bob@example.com", "long enough", "")
	check(t, err)
	team, err := x.platform.Team(t.Context(), a, "acme")
	check(t, err)
	if team.Role != cloister.MemberRole {
		t.Errorf("bob is %s", team.Role)
	}
	if page := x.browser().get(path); page.StatusCode != 404 || !strings.Contains(page.text, "was accepted already") {
		t.Errorf("a second time: %d\n%s", page.StatusCode, page.text)
	}
	if page := b.post(x.invite("eve@example.com"), url.Values{}, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); page.StatusCode != 403 {
		t.Errorf("from another site: %d", page.StatusCode)
	}
}

func TestWhoHasAnAccountSignsInToJoin(t *testing.T) {
	x := newSite(t)
	bob, err := x.platform.CreateUser(t.Context(), x.ada, "bob@example.com", "bob's password")
	check(t, err)
	path := x.invite("bob@example.com")
	b := x.browser()
	if page := b.get(path); !strings.HasPrefix(page.path, "/sign-in?to=") {
		t.Fatalf("sent to %s", page.path)
	}
	if page := b.signIn(path); page.StatusCode != 403 || !strings.Contains(page.text, "for another address than ada@example.com") { // ada
		t.Errorf("somebody else gets %d\n%s", page.StatusCode, page.text)
	}
	b = x.browser()
	page := b.signIn(path, "email", "bob@example.com", "password", "bob's password")
	if page.path != path || !strings.Contains(page.text, "Join acme") || strings.Contains(page.text, "new-password") {
		t.Fatalf("at %s\n%s", page.path, page.text)
	}
	if page := b.post(path, url.Values{}); page.StatusCode != 200 {
		t.Fatalf("got %d\n%s", page.StatusCode, page.text)
	}
	_, err = x.platform.Team(t.Context(), cloister.Actor{User: bob}, "acme")
	check(t, err)
}
