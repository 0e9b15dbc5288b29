package api_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// A checker validates answers against Heroku's published schema.
type checker struct {
	compiler *jsonschema.Compiler
	used     map[string]bool // deviations
}

const schemaURL = "schema:heroku"

func newChecker(t *testing.T) checker {
	t.Helper()
	f, err := os.Open("testdata/platform-api-schema.json")
	check(t, err)
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	check(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.AssertFormat()
	c.UseRegexpEngine(pattern)
	check(t, c.AddResource(schemaURL, plain(doc)))
	return checker{compiler: c, used: map[string]bool{}}
}

// plain makes ordinary draft 4 of Heroku's hyper-schema: it drops links and dialects, and turns strictProperties into
// the promise that it is on Heroku's side, that every property is there. More properties than those are allowed: our
// objects are the superset of several.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		delete(v, "$schema")
		delete(v, "links")
		if id, ok := v["id"].(string); ok && strings.Contains(id, "/") {
			delete(v, "id")
		}
		if p, ok := v["properties"].(map[string]any); ok && v["strictProperties"] == true {
			var names []any
			for _, n := range slices.Sorted(maps.Keys(p)) {
				names = append(names, n)
			}
			v["required"] = names
		}
		delete(v, "strictProperties")
		if r, ok := v["required"].([]any); ok && len(r) == 0 {
			delete(v, "required") // draft 4 has no empty ones
		}
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// pattern compiles the schema's patterns. One of them looks ahead, which Go's do not: it says "single dashes only".
func pattern(s string) (jsonschema.Regexp, error) {
	if s == `^[a-z0-9](?:[a-z0-9]|-(?!-))+[a-z0-9]$` {
		s = `^[a-z0-9]+(-[a-z0-9]+)*$`
	}
	return regexp.Compile(s)
}

// deviations are places where clients need, or Heroku itself sends, something else than the schema says. Each is a
// definition and a property that is not checked.
var deviations = map[string]string{
	"app.git_url":             "the schema knows one host only, git.heroku.com",
	"app.web_url":             "the schema knows one domain only, herokuapp.com",
	"team-app.git_url":        "as app.git_url",
	"team-app.web_url":        "as app.web_url",
	"add-on.state":            "the CLI knows deprovisioning too, which the schema does not",
	"add-on-attachment.addon": "the CLI asks for the plan in it (Accept-Inclusion), which the schema does not know",
	"peering.expires":         "what does not expire has null, which heroku-go reads as no time",
	"domain.hostname":         "the schema wants a URI, its own example is a host name",
}

// object validates one object against a definition.
func (c checker) object(t *testing.T, path, definition string, v any) {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		t.Errorf("%s: %v is no object", path, v)
		return
	}
	s, err := c.compiler.Compile(schemaURL + "#/definitions/" + definition)
	check(t, err)
	err = s.Validate(v)
	if err == nil {
		return
	}
	invalid, ok := err.(*jsonschema.ValidationError)
	if !ok {
		t.Fatal(err)
	}
	for _, leaf := range leaves(invalid) {
		at := strings.Join(leaf.InstanceLocation, ".")
		first, _, _ := strings.Cut(at, ".")
		name := definition + "." + first
		c.used[name] = true
		if deviations[name] == "" {
			t.Errorf("%s: %s is no %s: at %q: %v", path, m["name"], definition, at, leaf)
		}
	}
}

func leaves(e *jsonschema.ValidationError) (out []*jsonschema.ValidationError) {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	for _, c := range e.Causes {
		out = append(out, leaves(c)...)
	}
	return out
}

// full is a house with something of everything in it.
func full(t *testing.T) (h *house, paths map[string]string) {
	h = newHouse(t)
	h.person("bob@example.com", cloister.MemberRole)
	s := h.space("cellar")
	app := h.app("cellar", "hello")
	slug := h.deploy(app)
	web, worker := h.run(app, "web", 1), h.run(app, "worker", 1)
	_, w, err := h.platform.AddWebhook(t.Context(), h.ada, app.ID, platform.WebhookSpec{URL: "https://hooks.example.com", Level: "sync",
		Include: []string{"api:release"}})
	check(t, err)
	_, err = h.platform.SetConfig(t.Context(), h.ada, app.ID, map[string]*cloister.Secret{"KEY": new(cloister.Secret)})
	check(t, err)
	_, err = h.platform.SetBuildpacks(t.Context(), h.ada, app.ID, []cloister.Buildpack{{Name: "heroku/go", URL: "heroku/go"}})
	check(t, err)
	_, b, err := h.platform.CreateBuild(t.Context(), h.ada, app.ID, platform.BuildSpec{SourceURL: "https://example.com/a.tgz", Version: "v1"})
	check(t, err)
	_, d, err := h.platform.AddDrain(t.Context(), h.ada, app.ID, "https://user:hush@logs.example.com/in")
	check(t, err)
	_, rules, err := h.platform.Ruleset(t.Context(), h.ada, s.ID)
	check(t, err)
	client, err := h.platform.CreateOAuthClient(t.Context(), h.ada, "Amazing", "https://app.example/")
	check(t, err)
	_, _, err = h.platform.Invite(t.Context(), h.ada, "acme", "newcomer@example.com", cloister.MemberRole)
	check(t, err)
	_, cert, err := h.platform.AddEndpoint(t.Context(), h.ada, app.ID, certificate("www.example.com"))
	check(t, err)
	_, own, err := h.platform.AddDomain(t.Context(), h.ada, app.ID, "www.example.com", cert.Name)
	check(t, err)
	line, coupling, promotion := h.pipeline(t.Context(), app)
	// Lists are of the object after "[]".
	return h, map[string]string{
		"/account":                               "account",
		"/users/~":                               "account",
		"/account/rate-limits":                   "rate-limit",
		"/oauth/authorizations":                  "[]oauth-authorization",
		"/oauth/authorizations/~":                "oauth-authorization",
		"/teams":                                 "[]team",
		"/teams/acme":                            "team",
		"/teams/acme/members":                    "[]team-member",
		"/teams/acme/permissions":                "[]permission-entity",
		"/teams/acme/features":                   "[]team-feature",
		"/teams/acme/members/" + email + "/apps": "[]team-app",
		"/teams/acme/spaces":                     "[]team-space",
		"/teams/acme/apps":                       "[]team-app",
		"/teams/apps/hello":                      "team-app",
		"/teams/permissions":                     "[]team-app-permission",
		"/teams/acme/invitations":                "[]team-invitation",
		"/enterprise-accounts":                   "[]enterprise-account",
		"/enterprise-accounts/cloister":          "enterprise-account",
		"/enterprise-accounts/cloister/members":  "[]enterprise-account-member",
		"/enterprise-accounts/cloister/teams":    "[]team",
		"/enterprise-accounts/cloister/events":   "[]audit-trail-event",
		"/regions":                               "[]region",
		"/regions/tokyo":                         "region",
		"/stacks":                                "[]stack",
		"/stacks/debian-12":                      "stack",
		"/dyno-sizes":                            "[]dyno-size",
		"/dyno-sizes/private-s":                  "dyno-size",
		"/spaces":                                "[]space",
		"/spaces/cellar":                         "space",
		"/spaces/" + s.ID:                        "space",
		"/spaces/cellar/nat":                     "space-nat",
		"/spaces/cellar/topology":                "space-topology",
		"/spaces/cellar/peering-info":            "peering-info",
		"/spaces/cellar/peerings":                "[]peering",
		"/spaces/cellar/peerings/" + office.Offer(s.Space).ID:      "peering",
		"/spaces/cellar/peerings/" + s.DataPeeringID():             "peering",
		"/spaces/cellar/members":                                   "[]space-app-access",
		"/spaces/cellar/members/~":                                 "space-app-access",
		"/spaces/cellar/inbound-ruleset":                           "inbound-ruleset",
		"/spaces/cellar/inbound-rulesets":                          "[]inbound-ruleset",
		"/spaces/cellar/inbound-rulesets/" + rules.ID:              "inbound-ruleset",
		"/users/~/apps":                                            "[]app",
		"/apps":                                                    "[]app",
		"/apps/hello":                                              "app",
		"/apps/" + app.ID:                                          "app",
		"/apps/hello/addons":                                       "[]add-on",
		"/apps/hello/addon-attachments":                            "[]add-on-attachment",
		"/apps/hello/available-stacks":                             "[]stack",
		"/apps/hello/available-dyno-sizes":                         "[]dyno-size",
		"/apps/hello/buildpack-installations":                      "[]buildpack-installation",
		"/apps/hello/builds":                                       "[]build",
		"/apps/hello/builds/" + b.ID:                               "build",
		"/apps/hello/collaborators":                                "[]collaborator",
		"/apps/hello/collaborators/" + email:                       "collaborator",
		"/teams/apps/hello/collaborators":                          "[]team-app-collaborator",
		"/apps/hello/domains":                                      "[]domain",
		"/apps/hello/domains/" + own.Hostname:                      "domain",
		"/apps/hello/sni-endpoints/" + cert.Name:                   "sni-endpoint",
		"/apps/hello/domains/" + app.Host:                          "domain",
		"/apps/hello/dynos":                                        "[]dyno",
		"/apps/hello/dynos/web.1":                                  "dyno",
		"/apps/hello/dynos/" + worker.ID:                           "dyno",
		"/apps/hello/features":                                     "[]app-feature",
		"/apps/hello/log-drains":                                   "[]log-drain",
		"/apps/hello/log-drains/" + d.ID:                           "log-drain",
		"/apps/hello/webhooks":                                     "[]app-webhook/definitions/app_webhook",
		"/apps/hello/webhooks/" + w.ID:                             "app-webhook/definitions/app_webhook",
		"/apps/hello/webhook-deliveries":                           "[]app-webhook-delivery",
		"/apps/hello/webhook-events":                               "[]app-webhook-event",
		"/apps/hello/formation":                                    "[]formation",
		"/apps/hello/formation/web":                                "formation",
		"/apps/hello/releases":                                     "[]release",
		"/apps/hello/releases/2":                                   "release",
		"/apps/hello/releases/" + web.ReleaseID:                    "release",
		"/apps/hello/slugs/" + slug.ID:                             "slug",
		"/apps/hello/sni-endpoints":                                "[]sni-endpoint",
		"/apps/hello/pipeline-couplings":                           "pipeline-coupling",
		"/pipeline-couplings":                                      "[]pipeline-coupling",
		"/pipeline-couplings/" + coupling:                          "pipeline-coupling",
		"/teams/acme/pipeline-couplings":                           "[]pipeline-coupling",
		"/users/~/pipeline-couplings":                              "[]pipeline-coupling",
		"/pipelines":                                               "[]pipeline",
		"/pipelines/line":                                          "pipeline",
		"/pipelines/" + line + "/pipeline-couplings":               "[]pipeline-coupling",
		"/pipelines/" + line + "/latest-builds":                    "[]build",
		"/pipelines/" + line + "/latest-deployments":               "[]release",
		"/pipelines/" + line + "/latest-releases":                  "[]release",
		"/pipelines/" + line + "/pipeline-stack":                   "pipeline-stack",
		"/pipeline-promotions/" + promotion:                        "pipeline-promotion",
		"/pipeline-promotions/" + promotion + "/promotion-targets": "[]pipeline-promotion-target",
		"/oauth/clients":                                           "[]oauth-client",
		"/oauth/clients/" + client.ID:                              "oauth-client",
		"/account/keys":                                            "[]key",
		"/account/features":                                        "[]account-feature",
	}
}

func TestAnswersAreWhatThePublishedSchemaSays(t *testing.T) {
	t.Parallel()
	h, paths := full(t)
	c := newChecker(t)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		var v any
		h.call("GET", path, nil).want(t, 200, &v)
		definition, many := strings.CutPrefix(paths[path], "[]")
		items := []any{v}
		if many {
			list, ok := v.([]any)
			if !ok {
				t.Errorf("%s: no list", path)
			}
			items = list
		}
		for _, item := range items {
			c.object(t, path, definition, item)
		}
	}
	for _, r := range changes {
		var v any
		var body any
		if r.body != "" {
			body = r.body
		}
		h.call(r.method, r.path, body).want(t, r.status, &v)
		c.object(t, r.method+" "+r.path, r.definition, v)
	}
	for _, d := range slices.Sorted(maps.Keys(deviations)) {
		if !c.used[d] && !strings.HasPrefix(d, "add-on") { // which have a test of their own
			t.Errorf("no answer deviates at %s: take it off the list", d)
		}
	}
}

// changes are made one after the other, in a full house.
var changes = []struct {
	method, path, body string
	status             int
	definition         string
}{
	{"POST", "/teams", `{"name":"ops"}`, 201, "team"},
	{"POST", "/spaces", `{"name":"attic","team":"acme","features":[],"generation":"cedar"}`, 201, "space"},
	{"PATCH", "/spaces/attic", `{"name":"loft"}`, 200, "space"},
	{"PUT", "/spaces/loft/inbound-ruleset", `{"rules":[{"action":"allow","source":"192.0.2.0/24"}]}`, 200, "inbound-ruleset"},
	{"PUT", "/spaces/loft/inbound-ruleset", `{"rules":[]}`, 200, "inbound-ruleset"},
	{"POST", "/spaces", `{"name":"nave","team":"acme","cidr":"10.9.0.0/16","data_cidr":"172.24.0.0/20"}`, 201, "space"},
	{"POST", "/spaces/loft/peerings", `{"space":"nave"}`, 201, "peering"},
	{"POST", "/teams/apps", `{"name":"inner","space":"loft","internal_routing":true}`, 201, "team-app"},
	{"DELETE", "/apps/inner", ``, 200, "app"},
	{"POST", "/teams/apps", `{"name":"bye","space":{"name":"loft"},"personal":false,"locked":false}`, 201, "team-app"},
	{"POST", "/apps", `{"name":"bye-bye","space":"loft"}`, 201, "app"},
	{"PATCH", "/apps/bye", `{"maintenance":true}`, 200, "app"},
	{"PATCH", "/apps/bye", `{}`, 200, "app"},
	{"DELETE", "/apps/bye", ``, 200, "app"},
	{"DELETE", "/apps/bye-bye", ``, 200, "app"},
	{"DELETE", "/spaces/loft", ``, 200, "space"},
	{"POST", "/oauth/authorizations", `{"description":"x","expires_in":"60"}`, 201, "oauth-authorization"},
	{"POST", "/apps/hello/builds", `{"source_blob":{"url":"https://example.com/x.tgz"}}`, 201, "build"},
	{"POST", "/apps/hello/log-sessions", `{"lines":100,"tail":true,"dyno":"web"}`, 201, "log-session"},
	{"POST", "/apps/hello/releases", `{"release":"2"}`, 201, "release"},
	{"PATCH", "/apps/hello/formation/web", `{"quantity":2,"dyno_size":{"name":"private-m"}}`, 200, "formation"},
	{"POST", "/sources", ``, 201, "source"},
	{"POST", "/apps/hello/sources", ``, 201, "source"},
	{"PUT", "/teams/acme/members", `{"email":"bob@example.com","role":"member"}`, 200, "team-member"},
	{"PATCH", "/teams/acme/members", `{"email":"bob@example.com","role":"admin"}`, 200, "team-member"},
	{"PATCH", "/spaces/cellar/members/bob@example.com", `{"permissions":[{"name":"create_apps"}]}`, 200, "space-app-access"},
	{"POST", "/teams/apps/hello/collaborators", `{"user":"bob@example.com","permissions":["deploy","view"]}`, 201, "team-app-collaborator"},
	{"PATCH", "/teams/apps/hello/collaborators/bob@example.com", `{"permissions":["operate"]}`, 200, "team-app-collaborator"},
	{"DELETE", "/apps/hello/collaborators/bob@example.com", ``, 200, "collaborator"},
	{"POST", "/apps/hello/collaborators", `{"user":"bob@example.com"}`, 201, "collaborator"},
	{"DELETE", "/teams/apps/hello/collaborators/bob@example.com", ``, 200, "team-app-collaborator"},
	{"PATCH", "/teams/apps/hello", `{"locked":true}`, 200, "team-app"},
	{"DELETE", "/teams/acme/members/bob@example.com", ``, 200, "team-member"},
	{"POST", "/spaces/cellar/transfer", `{"new_owner":"ops"}`, 200, "space"},
	{"PATCH", "/teams/acme", `{"name":"umbrella"}`, 200, "team"},
	{"POST", "/teams", `{"name":"gone"}`, 201, "team"},
	{"DELETE", "/teams/gone", ``, 200, "team"},
}
