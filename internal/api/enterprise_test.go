package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestOperatorsAreMembersOfTheEnterpriseAccount(t *testing.T) {
	h := newHouse(t)
	bob := h.person("bob@example.com", cloister.MemberRole)
	var accounts []heroku.EnterpriseAccount
	h.call("GET", "/enterprise-accounts", nil, as(bob)).want(t, 200, &accounts)
	if len(accounts) != 0 {
		t.Errorf("whoever is no operator sees %+v", accounts)
	}
	const members = "/enterprise-accounts/cloister/members"
	h.call("GET", members, nil, as(bob)).refused(t, 403, "forbidden", "Only an operator of this installation may do that.")
	h.call("POST", members, `{"user":"bob@example.com","permissions":["view"]}`).refused(t, 422, "invalid_params",
		"The permissions of an enterprise account come together here: give manage, which has the others in it, or remove the member.")
	h.call("POST", members, `{"user":"bob@example.com","permissions":["rule"]}`).refused(t, 422, "invalid_params",
		`There is no permission "rule" of an enterprise account. There are billing, create, manage and view.`)
	var m heroku.EnterpriseAccountMember
	h.call("POST", members, `{"user":"bob@example.com","permissions":["manage"]}`).want(t, 201, &m)
	if m.User.Email != "bob@example.com" || len(m.Permissions) != 4 {
		t.Errorf("the new member is %+v", m)
	}
	h.call("DELETE", members+"/ada@example.com", nil, as(bob)).want(t, 200, &m)
	h.call("DELETE", members+"/bob@example.com", nil, as(bob)).refused(t, 422, "invalid_params",
		"bob@example.com is the only operator of this installation. Make somebody else one first.")
	var account heroku.EnterpriseAccount
	h.call("PATCH", "/enterprise-accounts/cloister", `{"name":"abbeys"}`, as(bob)).want(t, 200, &account)
	h.call("GET", "/enterprise-accounts/cloister", nil, as(bob)).refused(t, 404, "not_found", "Couldn't find that enterprise account.")
	var teams []heroku.Team
	h.call("GET", "/enterprise-accounts/abbeys/teams", nil, as(bob)).want(t, 200, &teams)
	if len(teams) == 0 || teams[0].EnterpriseAccount == nil || teams[0].EnterpriseAccount.Name != "abbeys" {
		t.Errorf("the teams of the account are %+v", teams)
	}
}

func TestAMonthOfTheTrailIsAnArchive(t *testing.T) {
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	begun := h.now()
	h.advance(40 * 24 * time.Hour) // into another month
	var all []heroku.Archive
	h.call("GET", "/enterprise-accounts/cloister/archives", nil).want(t, 200, &all)
	if len(all) < 2 || all[0].Year != begun.Year() || all[0].Month != fmt.Sprintf("%02d", begun.Month()) || all[0].URL != "" {
		t.Fatalf("the archives are %+v", all)
	}
	var one heroku.Archive
	path := fmt.Sprintf("/enterprise-accounts/cloister/archives/%d/%02d", begun.Year(), begun.Month())
	h.call("GET", path, nil).want(t, 200, &one)
	res, err := http.Get(one.URL) // as clients do: without credentials
	check(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(t, err)
	sum := sha256.Sum256(text)
	if res.StatusCode != 200 || one.Size != int64(len(text)) || one.Checksum != hex.EncodeToString(sum[:]) {
		t.Errorf("got %d with %d bytes, and %+v was told", res.StatusCode, len(text), one)
	}
	var events []heroku.TrailEvent
	check(t, json.Unmarshal(text, &events))
	found := false
	for _, e := range events {
		if e.Type == "app" && e.Action == "create" {
			found = e.App.ID == app.ID && e.Team.Name == "acme" && e.Owner.Email == "acme@herokumanager.com" && e.Actor.Email == "ada@example.com" && e.Actor.ID != ""
		}
	}
	if !found {
		t.Errorf("the making of the app is not in it as it should be: %s", text)
	}
	var newest []heroku.TrailEvent
	h.call("GET", "/enterprise-accounts/cloister/events?max=1", nil).want(t, 200, &newest)
	if len(newest) != 1 || newest[0].Data.Seq < events[len(events)-1].Data.Seq {
		t.Errorf("the newest event is %+v", newest)
	}
	h.call("GET", "/enterprise-accounts/cloister/archives/1999/01", nil).refused(t, 404, "not_found",
		"There is no archive of that month. Its events are there once a day of it is over; those of today are at /audit.")
	res, err = http.Get(one.URL[:strings.LastIndex(one.URL, "/")] + "/HRKU-none")
	check(t, err)
	res.Body.Close()
	if res.StatusCode != 404 {
		t.Errorf("a made-up address of an archive gets %d", res.StatusCode)
	}
}

func TestAnInvitationIsAcceptedByItsToken(t *testing.T) {
	h := newHouse(t)
	var team heroku.Team
	h.call("POST", "/teams", `{"name":"abbey"}`).want(t, 201, &team)
	bob := h.person("bob@example.com", cloister.MemberRole) // of acme
	var i heroku.TeamInvitation
	h.call("PUT", "/teams/abbey/invitations", `{"email":"bob@example.com","role":"admin"}`).want(t, 200, &i)
	token := i.AcceptURL[strings.LastIndex(i.AcceptURL, "/")+1:]
	h.call("GET", "/teams/invitations/"+token, nil).refused(t, 403, "forbidden",
		"This invitation is for another address than ada@example.com. Sign in as the person who was invited.")
	h.call("POST", "/teams/invitations/"+token+"/accept", nil, as(bob)).want(t, 200, &i)
	h.call("GET", "/teams/abbey", nil, as(bob)).want(t, 200, &team)
	if *team.Role != "admin" {
		t.Errorf("bob is %s", *team.Role)
	}
	if text := h.log.String(); strings.Contains(text, token) || !strings.Contains(text, "path=/teams/invitations/[secret]/accept") {
		t.Error("the token is in the log")
	}
}

func TestClientsGetTheirTokensInThePlatformAPIsForm(t *testing.T) {
	h := newHouse(t)
	c, err := h.platform.CreateOAuthClient(t.Context(), h.ada, "Amazing", "https://app.example/")
	check(t, err)
	_, code, err := h.platform.Grant(t.Context(), h.ada, c.ID, []string{"read"})
	check(t, err)
	body := fmt.Sprintf(`{"client":{"secret":%q},"grant":{"code":%q,"type":"authorization_code"}}`, c.Secret.Reveal(), code.Reveal())
	var out heroku.OAuthToken
	h.call("POST", "/oauth/tokens", body).want(t, 201, &out)
	h.call("POST", "/oauth/tokens", body).refused(t, 401, "unauthorized", "This code is none, was used already, or is over. Send the person to /oauth/authorize again.")
	h.call("GET", "/account", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+out.AccessToken.Token) }).want(t, 200, nil)
	var next heroku.OAuthToken
	h.call("POST", "/oauth/tokens", fmt.Sprintf(`{"client":{"secret":%q},"grant":{"type":"refresh_token"},"refresh_token":{"token":%q}}`, c.Secret.Reveal(), out.RefreshToken.Token)).want(t, 201, &next)
	if next.AccessToken.Token == out.AccessToken.Token || *next.AccessToken.ExpiresIn != 28800 {
		t.Errorf("refreshed to %+v", next.AccessToken)
	}
	h.call("POST", "/oauth/tokens", `{"grant":{"type":"password"}}`).refused(t, 422, "invalid_params", `grant.type must be authorization_code or refresh_token, not "password".`)
}
