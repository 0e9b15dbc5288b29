package api_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/api"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

var writeDoors = flag.Bool("update", false, "write testdata/doors.txt anew")

// visitors are all who come to each route of a castle, in the order of testdata/doors.txt.
var visitors = []string{"nobody", "suspended", "identity", "stranger", "neighbour", "viewer", "member", "views", "deploys", "operates", "manages", "admin", "operator"}

// open are the routes for which one need not be anybody.
var open = map[string]bool{"GET /buildpacks": true, "GET /buildpacks/{buildpack}": true, "GET /archives/{ticket}": true, "POST /oauth/tokens": true,
	"GET /backups/{ticket}": true, "PATCH /addons/{addon}/config": true, "POST /addons/{addon}/actions/provision": true, "POST /addons/{addon}/actions/deprovision": true} // for providers alone

// harmless are the routes on which everybody who has a token gets what is theirs, or what all may know.
var harmless = regexp.MustCompile(`^(GET|POST|DELETE|PATCH) /(account|oauth|regions|stacks|dyno-sizes|addon-(services|region-capabilities)|addons$|addon-attachments$|pipelines$|pipeline-couplings$|favorites|filters/apps$|users/~/|users/\{user\}(/apps)?$|spaces$|apps$|teams$|teams/permissions$|enterprise-accounts$)|^POST /sources$`)

// foreign are the routes that name, in their path or body, something that is inside of something else.
var foreign = regexp.MustCompile(`\{(build|release|slug|drain|webhook|job|delivery|event|monitor|ruleset|peering|dyno|domain|endpoint|addon|attachment|transfer|credential|pipeline|coupling|promotion)\}|^POST /apps/\{app\}/releases$`)

// A castle is a house with an app that has one of everything, and people who may do some of it.
type castle struct {
	*house
	tokens map[string]string
	mate   string
	params map[string]string // what stands for {…} in a path
}

func newCastle(t *testing.T) *castle {
	h := newHouse(t)
	c := &castle{house: h, mate: h.ada.User.ID, tokens: map[string]string{"nobody": ""}}
	for name, role := range map[string]cloister.Role{"suspended": cloister.Admin, "admin": cloister.Admin, "stranger": "", "neighbour": "", "viewer": cloister.Viewer, "member": cloister.MemberRole,
		"views": "", "deploys": "", "operates": "", "manages": ""} {
		c.tokens[name] = h.person(name+"@example.com", role)
	}
	operator := cloister.User{ID: cloister.NewID(), Email: "operator@example.com", Operator: true}
	h.update(func(tx *store.Tx) error {
		operator.CreatedAt, operator.UpdatedAt = tx.Now, tx.Now
		return tx.InsertUser(operator)
	})
	c.tokens["operator"] = h.tokenOf(cloister.Actor{User: operator})
	s := h.space("cellar")
	app := h.app("cellar", "hello")
	slug := h.deploy(app)
	d := h.run(app, "web", 1)
	ctx := t.Context()
	for _, may := range []string{"view", "deploy", "operate", "manage"} {
		_, _, err := h.platform.AddCollaborator(ctx, h.ada, "hello", may+"s@example.com", []string{may})
		check(t, err)
	}
	_, err := h.platform.CreateTeam(ctx, h.ada, "abbey")
	check(t, err)
	_, err = h.platform.AddMember(ctx, h.ada, "abbey", "neighbour@example.com", cloister.Admin)
	check(t, err)
	_, err = h.platform.CreateSpace(ctx, h.ada, platform.SpaceSpec{Name: "garden", Team: "abbey"})
	check(t, err)
	h.app("garden", "own")
	_, drain, err := h.platform.AddDrain(ctx, h.ada, "hello", "https://logs.example.com/")
	check(t, err)
	_, hook, err := h.platform.AddWebhook(ctx, h.ada, "hello", platform.WebhookSpec{URL: "https://hooks.example.com/", Level: "notify", Include: []string{"api:release"}})
	check(t, err)
	vault, vaulted, backup := h.vault(app)
	_, job, err := h.platform.AddJob(ctx, h.ada, "hello", platform.JobSpec{Command: "tidy", Schedule: "every 10m"})
	check(t, err)
	line, coupling, promotion := h.pipeline(ctx, app)
	_, cert, err := h.platform.AddEndpoint(ctx, h.ada, "hello", certificate("www.example.com"))
	check(t, err)
	_, own, err := h.platform.AddDomain(ctx, h.ada, "hello", "www.example.com", cert.Name)
	check(t, err)
	client, err := h.platform.CreateOAuthClient(ctx, h.ada, "Amazing", "https://app.example/")
	check(t, err)
	_, build, err := h.platform.CreateBuild(ctx, h.ada, "hello", platform.BuildSpec{SourceURL: "https://example.com/a.tgz"})
	check(t, err)
	_, releases, err := h.platform.Releases(ctx, h.ada, "hello")
	check(t, err)
	mine, err := h.platform.Authorizations(ctx, h.ada)
	check(t, err)
	look, identity, err := h.platform.CreateAuthorization(ctx, h.ada, "", []string{"identity"}, 0)
	check(t, err)
	c.tokens["identity"] = identity.Reveal()
	h.update(func(tx *store.Tx) error {
		for _, z := range []string{"a", "b"} {
			if err := tx.ObserveZone(z, true); err != nil {
				return err
			}
		}
		u, err := tx.User("suspended@example.com")
		if err != nil {
			return err
		}
		return tx.SuspendUser(u.ID, tx.Now)
	})
	c.params = map[string]string{"app": "hello", "space": s.Name, "team": "acme", "user": "viewer@example.com", "drain": drain.ID, "webhook": hook.ID, "job": job.ID,
		"addon": vault.Name, "attachment": vaulted.ID, "service": "vault", "plan": "small", "namespace": "credential:reader", "credential": "reader", "transfer": backup.ID,
		"build": build.ID, "release": releases[0].ID, "slug": slug.ID, "dyno": d.Name(), "authorization": mine[0].ID, "type": "web", "zone": "a",
		"stack": "debian-12", "region": "tokyo", "size": "private-s", "feature": "preboot", "buildpack": "heroku%2Fgo", "domain": own.Hostname, "endpoint": cert.Name,
		"monitor": cloister.NewID(), "peering": "pcx-0", "ruleset": cloister.NewID(), "session": look.ID, "delivery": cloister.NewID(), "event": cloister.NewID(),
		"key": cloister.NewID(), "client": client.ID, "pipeline": line, "coupling": coupling, "promotion": promotion, "stage": "review",
		"enterprise": "cloister", "year": "2026", "month": "01", "ticket": "none", "invitation": "guest@example.com", "token": "none"}
	return c
}

// vault gives an app a database that is there, attached twice, of which there is a backup; and the scheduler.
func (h *house) vault(app platform.AppInfo) (x platform.AddonInfo, t platform.AttachmentInfo, backup cloister.Transfer) {
	h.t.Helper()
	ctx := h.t.Context()
	h.update(func(tx *store.Tx) error {
		for name, kind := range map[string]string{"vault": "postgres", "scheduler": "scheduler"} {
			s := cloister.AddonService{ID: cloister.NewID(), Name: name, HumanName: name, Kind: kind, Prefix: strings.ToUpper(name), First: strings.ToUpper(name), Many: true, Shared: true,
				State: cloister.ServiceOffered, Provider: cloister.Provider{SSOURL: "https://example.com/sso", Vars: []string{strings.ToUpper(name) + "_URL"}}, CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertService(s); err != nil {
				return err
			}
			for _, plan := range []string{"small", "large"} {
				if err := tx.PutPlan(cloister.Plan{ID: cloister.NewID(), ServiceID: s.ID, Name: plan, HumanName: plan, Default: plan == "small", Inside: true, CreatedAt: tx.Now}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	_, _, err := h.platform.CreateAddon(ctx, h.ada, app.Name, platform.AddonSpec{Plan: "scheduler"})
	check(h.t, err)
	x, _, err = h.platform.CreateAddon(ctx, h.ada, app.Name, platform.AddonSpec{Plan: "vault"})
	check(h.t, err)
	h.update(func(tx *store.Tx) error {
		x.State = cloister.Provisioned
		if err := tx.InsertCredential(cloister.Credential{AddonID: x.ID, Name: "reader", User: "reader", State: cloister.CredentialActive, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
			return err
		}
		if backup, err = tx.InsertTransfer(cloister.Transfer{ID: cloister.NewID(), AppID: app.ID, AddonID: x.ID, Kind: cloister.BackupTransfer}); err != nil {
			return err
		}
		backup.StartedAt, backup.FinishedAt, backup.Succeeded = tx.Now, tx.Now, true
		if err := tx.PutTransfer(backup); err != nil {
			return err
		}
		return tx.UpdateAddon(x.Addon)
	})
	t, err = h.platform.Attach(ctx, h.ada, platform.AttachmentSpec{Addon: x.Name, App: app.Name})
	check(h.t, err)
	return x, t, backup
}

// pipeline makes a pipeline of acme with hello, of which something was promoted to the app live; the app loose is in none.
func (h *house) pipeline(ctx context.Context, app platform.AppInfo) (pipeline, coupling, promotion string) {
	h.t.Helper()
	p, err := h.platform.CreatePipeline(ctx, h.ada, "line", platform.Owner{Type: "team", ID: app.TeamID})
	check(h.t, err)
	c, err := h.platform.Couple(ctx, h.ada, p.ID, app.ID, "staging")
	check(h.t, err)
	h.app("cellar", "loose")
	_, err = h.platform.Couple(ctx, h.ada, p.ID, h.app("cellar", "live").ID, "production")
	check(h.t, err)
	x, err := h.platform.Promote(ctx, h.ada, platform.PromotionSpec{Pipeline: p.ID, Source: app.ID, Targets: []string{"live"}})
	check(h.t, err)
	return p.ID, c.ID, x.ID
}

// allRoutes are the routes that do something.
func allRoutes(t *testing.T) (out []string) {
	t.Helper()
	router := api.New(api.Config{}, nil, api.Beside{}, slog.New(slog.DiscardHandler)).(chi.Router)
	missing := map[string]bool{}
	text, err := os.ReadFile("testdata/missing-routes.txt")
	check(t, err)
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 {
			missing[f[0]+" "+f[1]] = true
		}
	}
	check(t, chi.Walk(router, func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if route := method + " " + path; !missing[route] {
			out = append(out, route)
		}
		return nil
	}))
	slices.Sort(out)
	return slices.Compact(out)
}

var inPath = regexp.MustCompile(`\{([^}:]+)[^}]*\}`)

func (c *castle) visit(route, who string) answer {
	method, path, _ := strings.Cut(route, " ")
	if strings.Contains(path, "{app}") {
		path = strings.Replace(path, "{user}", "views@example.com", 1) // a collaborator
	}
	if who == "neighbour" { // comes by their own door, with the ids of somebody else
		path = strings.NewReplacer("{app}", "own", "{space}", "garden", "{team}", "abbey").Replace(path)
	}
	path = inPath.ReplaceAllStringFunc(path, func(p string) string {
		v, ok := c.params[inPath.FindStringSubmatch(p)[1]]
		if !ok {
			c.t.Errorf("%s: nothing stands for %s", route, p)
		}
		return v
	})
	body := cmp.Or(strings.NewReplacer("<addon>", c.params["addon"], "<backup>", c.params["transfer"], "<slug>", c.params["slug"], "<pipeline>", c.params["pipeline"], "<mate>", c.mate, "<certificate>", uploaded(certificate("www.example.com")), "<authority>", strings.ReplaceAll(authority(), "\n", "\\n")).Replace(bodies[route]), "{}")
	if strings.HasSuffix(path, "/errors") {
		path += "?start_time=2026-01-01T00:00:00Z&end_time=2026-01-01T01:00:00Z&step=1h&process_type=web"
	}
	return c.call(method, path, body, func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+c.tokens[who])
		if who == "nobody" {
			r.Header.Del("Authorization")
		}
	})
}

func (c *castle) happened() (n int) {
	check(c.t, c.store.View(c.t.Context(), func(tx *store.Tx) error {
		all, err := tx.Events(cloister.EventFilter{}, 1000)
		for _, e := range all {
			if e.Action != "refuse" {
				n++
			}
		}
		return err
	}))
	return n
}

// TestEveryRouteLetsInWhomItShould has everybody come to every route, and compares what they get with the table. Some of it
// holds whatever the table says.
func TestEveryRouteLetsInWhomItShould(t *testing.T) {
	const file = "testdata/doors.txt"
	want := map[string]string{}
	if text, err := os.ReadFile(file); err == nil {
		for line := range strings.Lines(string(text)) {
			if route, row, ok := strings.Cut(strings.TrimRight(line, "\n"), " : "); ok && !strings.HasPrefix(line, "#") {
				want[strings.TrimSpace(route)] = row
			}
		}
	}
	got := map[string]string{}
	for _, route := range allRoutes(t) {
		c := newCastle(t)
		var row []string
		for _, who := range visitors {
			before := c.happened()
			status := c.visit(route, who).StatusCode
			row = append(row, fmt.Sprint(status))
			let := status < 300
			switch {
			case who == "nobody" && status != 401 && !open[route]:
				t.Errorf("%s: whoever has no token gets %d", route, status)
			case who == "suspended" && status != 403 && !open[route]:
				t.Errorf("%s: whoever is suspended gets %d", route, status)
			case who == "neighbour" && let && foreign.MatchString(route):
				t.Errorf("%s: what belongs to another is reached by one's own: %d", route, status)
			case (who == "stranger" || who == "identity") && let && !open[route] && !harmless.MatchString(route):
				t.Errorf("%s: %s gets %d", route, who, status)
			case !let && c.happened() != before:
				t.Errorf("%s: %s is refused with %d, and yet something happened", route, who, status)
			}
			if let && !strings.HasPrefix(route, "GET ") {
				c = newCastle(t) // as it was
			}
		}
		got[route] = strings.Join(row, " ")
	}
	var table strings.Builder
	fmt.Fprintf(&table, "# What everybody gets who comes to a route, by go test ./internal/api -run EveryRoute -update: %s.\n", strings.Join(visitors, ", "))
	for _, route := range slices.Sorted(maps.Keys(got)) {
		fmt.Fprintf(&table, "%-60s : %s\n", route, got[route])
		if want[route] != got[route] && !*writeDoors {
			t.Errorf("%s: %s\nget  %s\nwant %s", route, strings.Join(visitors, " "), got[route], want[route])
		}
	}
	for route := range want {
		if got[route] == "" && !*writeDoors {
			t.Errorf("%s is in %s, and is no route any more", route, file)
		}
	}
	if *writeDoors {
		check(t, os.WriteFile(file, []byte(table.String()), 0o644))
	}
}

// bodies are what is sent to routes that would not come to the question who asks otherwise. <slug> stands for the app's, <pipeline> for its
// pipeline, <mate> for somebody whom all in the team know.
var bodies = map[string]string{
	"PATCH /apps/{app}":                                      `{"maintenance":true}`,
	"PATCH /apps/{app}/config-vars":                          `{"KEY":"value"}`,
	"PATCH /apps/{app}/dynos/{dyno}":                         `{"columns":80,"lines":24}`,
	"PATCH /apps/{app}/features/{feature}":                   `{"enabled":true}`,
	"PATCH /apps/{app}/formation":                            `{"updates":[{"type":"web","quantity":2}]}`,
	"PATCH /apps/{app}/formation/{type}":                     `{"quantity":2}`,
	"PATCH /spaces/{space}":                                  `{"name":"tower"}`,
	"PATCH /spaces/{space}/limits":                           `{"apps":30}`,
	"PATCH /spaces/{space}/members/{user}":                   `{"permissions":[{"name":"create_apps"}]}`,
	"PATCH /teams/apps/{app}":                                `{"locked":true}`,
	"PATCH /teams/apps/{app}/collaborators/{user}":           `{"permissions":["deploy"]}`,
	"PATCH /teams/{team}":                                    `{"name":"priory"}`,
	"PATCH /teams/{team}/members":                            `{"email":"viewer@example.com","role":"member"}`,
	"POST /account/keys":                                     `{"public_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
	"POST /apps":                                             `{"name":"bye","space":"cellar"}`,
	"POST /apps/{app}/addons":                                `{"plan":"vault:small"}`,
	"PATCH /apps/{app}/addons/{addon}":                       `{"plan":"vault:large"}`,
	"DELETE /apps/{app}/addons/{addon}":                      `{"force":true}`,
	"POST /actions/addons/resolve":                           `{"addon":"VAULT","app":"hello"}`,
	"POST /actions/addon-attachments/resolve":                `{"addon_attachment":"VAULT_URL","app":"hello"}`,
	"POST /addon-attachments":                                `{"addon":"<addon>","app":"hello"}`,
	"POST /client/v11/databases/{addon}/restores":            `{"backup_url":"cloister://backups/<backup>"}`,
	"POST /client/v11/databases/{addon}/transfers":           `{"from_url":"postgres://<addon>.data.localspace/"}`,
	"POST /postgres/v0/databases/{addon}/credentials":        `{"name":"writer"}`,
	"POST /addon-services":                                   `{"id":"acme-db","api":{"config_vars":["ACME_DB_URL"],"password":"0123456789abcdef","version":"3","production":{"base_url":"https://example.com/"}}}`,
	"PATCH /addon-services/{service}":                        `{"state":"shutdown"}`,
	"PATCH /addon-services/{service}/plans/{plan}":           `{"cents":7}`,
	"POST /apps/{app}/builds":                                `{"source_blob":{"url":"https://example.com/a.tgz"}}`,
	"POST /apps/{app}/collaborators":                         `{"user":"stranger@example.com"}`,
	"POST /apps/{app}/dynos":                                 `{"command":"true"}`,
	"POST /apps/{app}/dynos/{dyno}":                          `{"command":"true"}`,
	"POST /apps/{app}/log-drains":                            `{"url":"https://other.example.com/"}`,
	"POST /apps/{app}/releases":                              `{"slug":"<slug>"}`,
	"POST /apps/{app}/scheduled-jobs":                        `{"command":"tidy","schedule":"every 10m"}`,
	"POST /apps/{app}/slugs":                                 `{"process_types":{"web":"serve"}}`,
	"POST /apps/{app}/webhooks":                              `{"url":"https://other.example.com/","level":"notify","include":["api:release"]}`,
	"PATCH /pipeline-couplings/{coupling}":                   `{"stage":"production"}`,
	"PATCH /pipelines/{pipeline}":                            `{"name":"row"}`,
	"PATCH /pipelines/{pipeline}/stage/{stage}/config-vars":  `{"KEY":"value"}`,
	"POST /oauth/clients":                                    `{"name":"Amazing","redirect_uri":"https://app.example/"}`,
	"POST /pipeline-couplings":                               `{"app":"loose","pipeline":"<pipeline>","stage":"review"}`,
	"POST /pipeline-promotions":                              `{"pipeline":{"id":"<pipeline>"},"source":{"app":{"id":"hello"}},"targets":[{"app":{"id":"live"}}]}`,
	"POST /pipeline-transfers":                               `{"pipeline":{"id":"<pipeline>"},"new_owner":{"id":"<mate>","type":"user"}}`,
	"POST /pipelines":                                        `{"name":"row"}`,
	"POST /spaces":                                           `{"name":"tower","team":"acme"}`,
	"POST /spaces/{space}/inbound-ruleset/actions/dry-run":   `{"rules":[{"action":"allow","source":"192.0.2.0/24"}]}`,
	"POST /spaces/{space}/peerings":                          `{"pcx_id":"pcx-0"}`,
	"POST /spaces/{space}/transfer":                          `{"new_owner":"acme"}`,
	"POST /teams":                                            `{"name":"priory"}`,
	"POST /teams/apps":                                       `{"name":"bye","space":"cellar"}`,
	"POST /teams/apps/{app}/collaborators":                   `{"user":"stranger@example.com","permissions":["view"]}`,
	"POST /teams/{team}/members":                             `{"email":"stranger@example.com","role":"member"}`,
	"PUT /spaces/{space}/inbound-ruleset":                    `{"rules":[]}`,
	"PUT /spaces/{space}/log-drain":                          `{"url":"https://other.example.com/"}`,
	"PUT /spaces/{space}/outbound-ruleset":                   `{"rules":[]}`,
	"PATCH /apps/{app}/acm":                                  `{"acm_refresh":true}`,
	"POST /apps/{app}/domains":                               `{"hostname":"api.example.com","sni_endpoint":null}`,
	"PUT /apps/{app}/domains/{domain}/mtls":                  `{"ca":"<authority>"}`,
	"PATCH /apps/{app}/domains/{domain}":                     `{"sni_endpoint":null}`,
	"POST /apps/{app}/sni-endpoints":                         `<certificate>`,
	"PATCH /apps/{app}/sni-endpoints/{endpoint}":             `<certificate>`,
	"PATCH /enterprise-accounts/{enterprise}":                `{"name":"abbeys"}`,
	"POST /enterprise-accounts/{enterprise}/members":         `{"user":"viewer@example.com","permissions":["manage"]}`,
	"PATCH /enterprise-accounts/{enterprise}/members/{user}": `{"permissions":["manage","view"]}`,
	"POST /enterprise-accounts/{enterprise}/teams":           `{"name":"priory"}`,
	"PUT /teams/{team}/invitations":                          `{"email":"newcomer@example.com","role":"member"}`,
	"PUT /teams/{team}/trusted-ranges":                       `{"trusted_ranges":["127.0.0.0/8"]}`,
	"PUT /teams/{team}/members":                              `{"email":"viewer@example.com","role":"member"}`,
}
