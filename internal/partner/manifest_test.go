package partner_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/partner"
)

//go:embed testdata/manifest.json
var complete string

func TestAManifestIsRead(t *testing.T) {
	t.Parallel()
	m, err := partner.ParseManifest([]byte(complete))
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != "acme-db" || m.Name != "Acme DB" || m.CLIPlugin != "@acme/heroku-db" || m.API.Password.Reveal() != "s3cret:with:colons" || m.API.Salt.Reveal() != "NaCl" ||
		m.API.Prefix != "ACME_DB" || !slices.Equal(m.API.ConfigVars, []string{"ACME_DB_URL", "ACME_DB_KEY"}) || !slices.Equal(m.API.Regions, []string{"us", "eu", "tokyo"}) ||
		m.API.Production.SSOURL != "https://db.example.com/sso?from=heroku" || m.API.Test.BaseURL != "http://localhost:4567/heroku/resources" {
		t.Errorf("%+v", m)
	}
	want := []partner.Plan{{Name: "standard-0", Description: "One database", Price: partner.Price{Cents: 1500, Unit: "month"}},
		{Name: "small", Price: partner.Price{Cents: 300, Unit: "month"}}, {Name: "free", Price: partner.Price{Unit: "month"}}}
	if !slices.Equal(m.Plans, want) {
		t.Errorf("plans: %+v", m.Plans)
	}
	if text, err := json.Marshal(m); err != nil || strings.Contains(string(text), "s3cret") || strings.Contains(fmt.Sprintf("%+v", m), "NaCl") {
		t.Errorf("secrets show: %s %v", text, err)
	}
}

func TestAManifestMayLeaveOutMost(t *testing.T) {
	t.Parallel()
	m, err := partner.ParseManifest([]byte(`{"id": "acme-db", "api": {"password": "p", "version": "3", "production": {"base_url": "http://localhost:4567"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "acme-db" || m.API.Prefix != "ACME_DB" || len(m.Plans) != 1 || m.Plans[0] != (partner.Plan{Name: "test", Price: partner.Price{Unit: "month"}}) {
		t.Errorf("%+v", m)
	}
}

// Each case changes one text of the complete manifest, and names what the error must say: the field, and what to write.
func TestWhatIsWrongWithAManifestIsSaidWithItsField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{complete, "", "Manifest is not valid JSON"},
		{complete, "[]", "it must be an object, not a JSON array"},
		{complete, "null", "id must be"},
		{`"$base": 17`, `"$base": "` + strings.Repeat("x", 64<<10) + `"`, "longer than 65536 bytes"},
		{`"id": "acme-db"`, `"id": 5`, "id: there must be a string, not a JSON number"},
		{`"id": "acme-db"`, `"id": "Acme"`, "id must be 1 to 63 lowercase"},
		{`"id": "acme-db"`, `"id": "acme:db"`, "id must be"},
		{`"id": "acme-db"`, `"id": "` + cloister.NewID() + `"`, "id must be"},
		{`"name": "Acme DB"`, `"name": "Acme\u001b[31m"`, "name must be 1 to 255 printable"},
		{`"@acme/heroku-db"`, `"rm -rf"`, "cli_plugin_name must be"},
		{`"api"`, `"pia"`, `api.version is "". Write "3"`},
		{`"version": "3"`, `"version": 3`, "api.version: there must be a string"},
		{`"version": "3"`, `"version": "1"`, `api.version is "1". Write "3"`},
		{`s3cret:with:colons`, ``, "api.password must be"},
		{`s3cret:with:colons`, `two words`, "api.password must be"},
		{`s3cret:with:colons`, `line\nbreak`, "api.password must be"},
		{`"NaCl"`, `""`, "api.sso_salt is missing"},
		{`"NaCl"`, `"Na Cl"`, "api.sso_salt must be"},
		{`"tokyo"`, `"To\u0000kyo"`, `api.regions has "Tokyo", which names no region`},
		{`["us", "eu", "tokyo"]`, `"us"`, "api.regions: there must be a list"},
		{`"attachable"`, `"a_pony"`, `api.requires has "a_pony", which nobody here can give. Use some of attachable, log_input`},
		{`"attachable"`, `"many_per_app"`, `api.requires has many_per_app twice`},
		{`https://db.example.com:8443`, `http://db.example.com`, "api.production.base_url is not https"},
		{`https://db.example.com:8443`, `file://db.example.com`, "api.production.base_url is not https"},
		{`https://db.example.com:8443`, `https://a:b@db.example.com`, "api.production.base_url has a password in it"},
		{`https://db.example.com:8443`, `https://db.example.com:84430`, "api.production.base_url has a port"},
		{`https://db.example.com:8443`, `https://`, "api.production.base_url is not an address"},
		{`https://db.example.com:8443`, `https://db example.com`, "api.production.base_url is not an address"},
		{`/heroku/resources/"`, `/heroku/re sources"`, "api.production.base_url is not an address"},
		{`https://db.example.com:8443`, `https:db.example.com`, "api.production.base_url is not an address"},
		{`/heroku/resources/"`, `/heroku/resources/?a=b"`, "api.production.base_url has a question mark"},
		{`/heroku/resources/"`, `/heroku/resources/#a"`, "api.production.base_url has a fragment"},
		{`"base_url": "https`, `"bass_url": "https`, "api.production.base_url is missing. Write https://HOST/PATH"},
		{`https://db.example.com/sso`, `javascript:alert(1)//`, "api.production.sso_url is not an address"},
		{`https://db.example.com/sso`, `http://db.example.com/sso`, "api.production.sso_url is not https"},
		{`"config_vars_prefix": "ACME_DB"`, `"config_vars_prefix": "ACME_DB_"`, "api.config_vars_prefix must be"},
		{`"config_vars_prefix": "ACME_DB"`, `"config_vars_prefix": "acme"`, "api.config_vars_prefix must be"},
		{`"config_vars_prefix": "ACME_DB"`, `"config_vars_prefix": "ACME_D"`, `api.config_vars has "ACME_DB_URL", which does not begin with ACME_D_`},
		{`"ACME_DB_KEY"`, `"PATH"`, `api.config_vars has "PATH", which does not begin with ACME_DB_. Rename it`},
		{`"ACME_DB_KEY"`, `"ACME_DB-KEY"`, `api.config_vars has "ACME_DB-KEY", which no config var can be called`},
		{`"ACME_DB_KEY"`, `null`, `api.config_vars has "", which no config var`},
		{`"ACME_DB_KEY"`, `5`, "api.config_vars: there must be a string"},
		{`"ACME_DB_KEY"`, `"ACME_DB_URL"`, "api.config_vars has ACME_DB_URL twice"},
		{`"name": "standard-0"`, `"name": "acme-db:standard"`, "plans[0].name must be"},
		{`"name": "standard-0"`, `"name": "free"`, "plans[2].name is free, as that of another one"},
		{`"One database"`, `"One\ndatabase"`, "plans[0].description must be"},
		{`"cents": 1500`, `"cents": -1`, "plans[0].price.cents must be a whole number from 0"},
		{`"cents": 1500`, `"cents": 0.5`, "plans.price.cents: there must be a whole number"},
		{`"unit": "month"`, `"unit": "dyno_hour"`, `plans[0].price.unit is "dyno_hour". Write "month".`},
	} {
		if !strings.Contains(complete, c.from) {
			t.Fatalf("%s is not in the manifest", c.from)
		}
		m, err := partner.ParseManifest([]byte(strings.Replace(complete, c.from, c.to, 1)))
		if err == nil || cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %s: %v, want %q", c.from, c.to[:min(len(c.to), 80)], err, c.want)
		}
		if m.ID != "" {
			t.Errorf("%s is refused, and used: %+v", c.to, m)
		}
	}
}
