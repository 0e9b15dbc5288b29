package partner_test

import (
	"encoding/base64"
	"reflect"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/partner"
)

// The example of Heroku's documentation.
func TestTheTokenIsHerokus(t *testing.T) {
	t.Parallel()
	got := partner.Token("123", "2f97bfa52ca102f8874716e2eb1d3b4920ad0be4", time.Unix(1267597772, 999))
	if got != "bb466eb1d6bc345d11072c3cd25c311f21be130d" {
		t.Error(got)
	}
}

func TestAVisitIsAForm(t *testing.T) {
	t.Parallel()
	m, err := partner.ParseManifest([]byte(complete))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1267597772, 0)
	to, form, err := m.SSO(partner.Visit{ResourceID: "r", ProviderID: "p", App: "shop", ContextApp: "till", Email: "ada@example.com", UserID: "u"}, at)
	want := map[string][]string{"resource_id": {"r"}, "resource_token": {partner.Token("r", "NaCl", at)}, "id": {"p"}, "token": {partner.Token("p", "NaCl", at)}, "timestamp": {"1267597772"},
		"nav-data": {base64.URLEncoding.EncodeToString([]byte(`{"addon":"Acme DB","appname":"shop"}`))}, "email": {"ada@example.com"}, "user_id": {"u"}, "app": {"shop"}, "context_app": {"till"}}
	if err != nil || to != "https://db.example.com/sso?from=heroku" || !reflect.DeepEqual(map[string][]string(form), want) {
		t.Errorf("%s %v %v", to, form, err)
	}
	if _, form, err := m.SSO(partner.Visit{ResourceID: "r", App: "shop"}, at); err != nil || form.Get("id") != "r" || form.Get("context_app") != "shop" || form.Get("token") != form.Get("resource_token") {
		t.Errorf("%v %v", form, err)
	}
	m.API.Production.SSOURL = ""
	if _, _, err := m.SSO(partner.Visit{ResourceID: "r"}, at); cloister.KindOf(err) != cloister.NotFound {
		t.Error(err)
	}
}
