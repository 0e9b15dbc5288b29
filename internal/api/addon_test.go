package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/store"
)

const manifest = `{"id":"acme-db","name":"Acme DB","api":{"config_vars":["ACME_DB_URL","ACME_DB_KEY"],"config_vars_prefix":"ACME_DB","password":"0123456789abcdef","sso_salt":"salt-salt-salt-salt",
	"requires":["many_per_app","attachable"],"regions":["us","tokyo"],"version":"3","production":{"base_url":"https://example.com/heroku/resources","sso_url":"https://example.com/sso"}},
	"plans":[{"name":"small","description":"Little"},{"name":"large","description":"Much","price":{"cents":5000}}]}`

func TestAddonsAnswerAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := newChecker(t)
	h.space("cellar")
	h.app("cellar", "hello")
	h.call("POST", "/addon-services", manifest).want(t, 201, nil)
	object := func(method, path, body string, status int, definition string) map[string]any {
		t.Helper()
		var v any
		h.call(method, path, body).want(t, status, &v)
		if list, ok := v.([]any); ok {
			if len(list) == 0 {
				t.Fatalf("%s is empty", path)
			}
			v = list[0]
		}
		c.object(t, path, definition, v)
		return v.(map[string]any)
	}
	object("GET", "/addon-services", "", 200, "add-on-service")
	object("GET", "/addon-services/acme-db/plans", "", 200, "plan")
	object("GET", "/addon-services/acme-db/plans/acme-db:large", "", 200, "plan")
	object("GET", "/addon-services/acme-db/region-capabilities", "", 200, "add-on-region-capability")
	object("GET", "/regions/tokyo/addon-region-capabilities", "", 200, "add-on-region-capability")
	x := object("POST", "/apps/hello/addons", `{"plan":{"name":"acme-db"},"attachment":{"name":"store"},"config":{"a":"b","fast":true}}`, 201, "add-on")
	if x["state"] != "provisioning" || x["plan"].(map[string]any)["name"] != "acme-db:small" {
		t.Errorf("made %v", x)
	}
	name := x["name"].(string)
	object("GET", "/addons", "", 200, "add-on")
	object("GET", "/addons/"+name, "", 200, "add-on")
	object("GET", "/apps/hello/addons", "", 200, "add-on")
	object("POST", "/actions/addons/resolve", `{"addon":"STORE","app":"hello","addon_service":null}`, 200, "add-on")
	at := object("GET", "/apps/hello/addon-attachments/STORE", "", 200, "add-on-attachment")
	if at["web_url"] != "https://example.com/sso" {
		t.Errorf("the dashboard of an attachment is at %v", at["web_url"])
	}
	object("POST", "/actions/addon-attachments/resolve", `{"addon_attachment":"STORE_URL","app":"hello"}`, 200, "add-on-attachment")
	object("GET", "/addon-attachments", "", 200, "add-on-attachment")
	object("GET", "/addons/"+name+"/addon-attachments", "", 200, "add-on-attachment")
	other := object("POST", "/addon-attachments", `{"addon":{"name":"`+name+`"},"app":{"name":"hello"}}`, 201, "add-on-attachment")
	if other["name"] != "ACME_DB" {
		t.Errorf("attached as %v", other["name"])
	}
	h.call("DELETE", "/addon-attachments/"+other["id"].(string), "").want(t, 200, nil)
	if a := h.call("DELETE", "/addon-attachments/"+at["id"].(string), ""); a.StatusCode != 422 {
		t.Errorf("the only attachment was taken away: %d", a.StatusCode)
	}
	if gone := object("DELETE", "/apps/hello/addons/"+name, `{"force":false}`, 200, "add-on"); gone["state"] != "deprovisioning" {
		t.Errorf("destroyed it is %v", gone["state"])
	}
	for d := range deviations {
		if strings.HasPrefix(d, "add-on") && !c.used[d] {
			t.Errorf("no answer deviates at %s: take it off the list", d)
		}
	}
}

func TestAnAddonThatCannotBeSaysWhy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	h.call("POST", "/addon-services", manifest).want(t, 201, nil)
	h.update(func(tx *store.Tx) error { // a database that is elsewhere
		s, err := tx.Service("acme-db")
		s.Datastore = true
		if err != nil {
			return err
		}
		return tx.UpdateService(s)
	})
	for body, want := range map[string]string{
		`{"plan":"nothing:at-all"}`:                       `422 Couldn't find either the add-on service or the add-on plan of "nothing:at-all".`,
		`{"plan":"acme-db:huge"}`:                         `422 Couldn't find either the add-on service or the add-on plan of "acme-db:huge".`,
		`{"plan":"acme-db"}`:                              `423 This add-on is not automatically networked with this Private Space.`,
		`{"plan":"acme-db","confirm":"bye"}`:              `423 This add-on is not automatically networked with this Private Space.`,
		`{"plan":"acme-db","confirm":"hello","name":"-"}`: `422 Name "-" cannot name an add-on. A name begins with a letter, and has letters, digits, dashes and underscores.`,
	} {
		a := h.call("POST", "/apps/hello/addons", body)
		var e heroku.Error
		a.want(t, a.StatusCode, &e)
		status, message, _ := strings.Cut(want, " ")
		if a.Status[:3] != status || e.Message != message || status == "423" && e.ID != "confirmation_required" {
			t.Errorf("%s: %s %s %s", body, a.Status, e.ID, e.Message)
		}
	}
	h.call("PATCH", "/addon-services/acme-db/plans/small", `{"regions":["oregon"]}`).want(t, 200, nil)
	if a := h.call("POST", "/apps/hello/addons", `{"plan":"acme-db","confirm":"hello"}`); a.StatusCode != 422 || !strings.Contains(string(a.body), "not available in the region") {
		t.Errorf("in another region: %s", a.body)
	}
	h.call("POST", "/apps/hello/addons", `{"plan":"acme-db","confirm":"hello","config":{"region":"us"}}`).want(t, 201, nil)
	if a := h.call("PATCH", "/apps/hello/config-vars", `{"ACME_DB_URL":"mine"}`); a.StatusCode != 200 { // it gives none yet
		t.Errorf("a config var of nobody's: %s", a.body)
	}
}

func TestAProviderCallsBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	h.call("POST", "/addon-services", manifest).want(t, 201, nil)
	var x heroku.Addon
	h.call("POST", "/apps/hello/addons", `{"plan":"acme-db"}`).want(t, 201, &x)
	grant := cloister.NewToken()
	h.update(func(tx *store.Tx) error {
		return tx.InsertAddonToken(cloister.AddonToken{Hash: grant.Hash(), AddonID: x.ID, Kind: cloister.AddonGrant, ExpiresAt: tx.Now.Add(cloister.GrantLife)})
	})
	if _, err := h.platform.VendorTokens(t.Context(), "192.0.2.1", false, "wrong", grant); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("a grant was good for somebody else: %v", err)
	}
	tokens, err := h.platform.VendorTokens(t.Context(), "192.0.2.1", false, "0123456789abcdef", grant)
	check(t, err)
	if _, err := h.platform.VendorTokens(t.Context(), "192.0.2.1", false, "0123456789abcdef", grant); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("a grant was good twice: %v", err)
	}
	again, err := h.platform.VendorTokens(t.Context(), "192.0.2.1", true, "0123456789abcdef", tokens.Refresh)
	check(t, err)
	as := func(token cloister.Secret, method, path, body string) answer {
		return h.call(method, path, body, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.Reveal()) })
	}
	as(tokens.Access, "PATCH", "/addons/"+x.ID+"/config", `{"config":[{"name":"ACME_DB_URL","value":"acme://1"},{"name":"ACME_DB_KEY","value":"k"}]}`).want(t, 200, nil)
	if a := as(tokens.Access, "PATCH", "/addons/"+x.ID+"/config", `{"config":[{"name":"PATH","value":"/tmp"}]}`); a.StatusCode != 422 {
		t.Errorf("any config var can be set: %s", a.body)
	}
	as(again.Access, "POST", "/addons/"+x.ID+"/actions/provision", "").want(t, 200, nil)
	as(again.Access, "POST", "/addons/"+x.ID+"/actions/provision", "").want(t, 200, nil) // its answer may have been lost
	if a := as(again.Access, "POST", "/addons/"+x.ID+"/actions/deprovision", ""); a.StatusCode != 422 {
		t.Errorf("what is there could not be made: %s", a.body)
	}
	vars := map[string]string{}
	h.call("GET", "/apps/hello/config-vars", "").want(t, 200, &vars)
	if vars["ACME_DB_URL"] != "acme://1" || vars["ACME_DB_KEY"] != "k" {
		t.Errorf("the app has %v", vars)
	}
	if a := h.call("PATCH", "/apps/hello/config-vars", `{"ACME_DB_URL":"mine"}`); a.StatusCode != 422 {
		t.Errorf("a config var of an add-on was set: %s", a.body)
	}
	as(again.Access, "PATCH", "/addons/"+x.ID+"/config", `{"config":[{"name":"ACME_DB_URL","value":"acme://2"},{"name":"ACME_DB_KEY","value":null}]}`).want(t, 200, nil)
	h.call("GET", "/apps/hello/config-vars", "").want(t, 200, &vars)
	var releases []heroku.Release
	h.call("GET", "/apps/hello/releases", "").want(t, 200, &releases)
	if last := releases[len(releases)-1]; vars["ACME_DB_URL"] != "acme://2" || last.Description != "Update ACME_DB by acme-db" {
		t.Errorf("after %q the app has %v", last.Description, vars)
	}
	var other heroku.Addon
	h.call("POST", "/apps/hello/addons", `{"plan":"acme-db"}`).want(t, 201, &other)
	for _, path := range []string{"/addons/" + other.ID, "/apps/hello", "/account"} {
		if a := as(again.Access, "GET", path, ""); a.StatusCode < 400 {
			t.Errorf("a token of one add-on is good for %s", path)
		}
	}
	as(again.Access, "GET", "/addons/"+x.ID, "").want(t, 200, nil)
	h.call("DELETE", "/apps/hello/addons/"+x.ID, "").want(t, 200, nil)
	left := map[string]string{}
	h.call("GET", "/apps/hello/config-vars", "").want(t, 200, &left)
	if len(left) != 0 {
		t.Errorf("what is destroyed gives %v", left)
	}
}
