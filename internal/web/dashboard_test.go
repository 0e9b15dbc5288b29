package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestWhatIsMissingAndWhatIsHiddenLookTheSame(t *testing.T) {
	m := newManor(t)
	b := m.people["stranger"]
	for _, path := range []string{"/teams/%", "/spaces/%", "/spaces/%/settings", "/apps/%", "/apps/%/logs", "/apps/%/deploy/builds/x"} {
		for _, name := range []string{"acme", "cellar", "hello"} {
			hidden, missing := b.get(home+strings.Replace(path, "%", name, 1)), b.get(home+strings.Replace(path, "%", "nothing", 1))
			hidden.has(t, 404, "This page does not exist, or you may not see it.")
			if missing.StatusCode != 404 || missing.text != hidden.text {
				t.Errorf("%s of %s looks other than of nothing:\n%s\n%s", path, name, hidden.text, missing.text)
			}
		}
	}
	b.get(home+"/no/such/page").has(t, 404, "This page does not exist, or you may not see it.")
	if got := m.people["anonymous"].get(home + "/no/such/page"); !strings.HasPrefix(got.path, "/sign-in") {
		t.Errorf("whoever has not signed in gets to %s", got.path)
	}
}

func TestBrowsersBeginAtTheDashboard(t *testing.T) {
	m := newManor(t)
	if got := m.people["admin"].get("/"); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != home {
		t.Errorf("%d %s", got.StatusCode, got.Header.Get("Location"))
	}
	m.people["admin"].get(home).has(t, 200, "hello", "cellar", "acme", email, "Sign out")
	m.people["views"].get(home).has(t, 200, "hello")
	m.people["stranger"].get(home).has(t, 200, "You see no app yet.")
	m.people["views"].get(home+"/apps/hello").has(t, 200, `<li><a href="/dashboard/apps/hello" aria-current="page">hello</a></li>`)
	if text := m.people["views"].get(home + "/apps/hello").text; strings.Contains(text, home+"/teams/acme") {
		t.Error("a link leads to a team that one does not see")
	}
}

func TestFormsKeepWhatWasTypedAndSayWhatIsWrongBesideTheField(t *testing.T) {
	m := newManor(t)
	b := m.people["admin"]
	beside := func(field, message string) *regexp.Regexp {
		return regexp.MustCompile(`aria-invalid="true" autofocus aria-describedby="` + field + `-hint ` + field + `-error">\s*<p class="error" id="` + field + `-error" aria-live="polite">` + message)
	}
	for _, test := range []struct {
		path, form, field string
		typed             url.Values
		wrong             string
		keeps             []string
	}{
		{"/teams/acme/spaces/new", "new", "name", url.Values{"name": {"Tower <1>"}, "region": {"tokyo"}, "cidr": {"10.3.0.0/16"}}, "Name must be 3 to 30", []string{`value="Tower &lt;1&gt;"`, `value="10.3.0.0/16"`, `<option value="tokyo" selected>`}},
		{"/teams/acme/spaces/new", "new", "cidr", url.Values{"name": {"tower"}, "cidr": {"10.3.0.0/24"}}, "Cidr 10.3.0.0/24 must be a /16", []string{`value="tower"`}},
		{"/teams/acme/spaces/new", "new", "data_cidr", url.Values{"name": {"tower"}, "cidr": {"10.3.0.0/16"}, "data_cidr": {"10.3.0.0/16"}}, "Data cidr 10.3.0.0/16 overlaps", nil},
		{"/teams/acme/spaces/new", "new", "name", url.Values{"name": {"cellar"}}, "Name cellar is already taken", nil},
		{"/teams/acme/access", "add", "email", url.Values{"email": {"nobody@example.com"}, "role": {"viewer"}}, "There is no user nobody@example.com", []string{`value="nobody@example.com"`, "<option selected>viewer</option>"}},
		{"/spaces/cellar/network/peerings", "peer", "peer", url.Values{"peer": {"nothing"}}, "Couldn&#39;t find that space", []string{`value="nothing"`}},
		{"/spaces/cellar/settings/rename", "rename", "name", url.Values{"name": {"garden"}}, "Name garden is already taken", []string{`value="garden"`}},
		{"/spaces/garden/settings/destroy", "destroy", "confirm", url.Values{"confirm": {"gardn"}}, "To go on, type garden", []string{`value="gardn"`}},
		{"/spaces/cellar/apps/new", "new", "name", url.Values{"name": {"1"}, "locked": {"yes"}}, "Name must start with a letter", []string{`value="yes" aria-describedby="new-locked-hint" checked`}},
		{"/apps/hello/resources/web", "scale-web", "quantity", url.Values{"quantity": {"many"}, "size": {"Private-M"}}, "Give a number of dynos", []string{`value="many"`, `<option value="Private-M" selected>`}},
		{"/apps/hello/access", "add", "email", url.Values{"email": {"views@example.com"}, "permission": {"operate"}}, "views@example.com is already a collaborator", []string{`value="operate" checked`}},
		{"/apps/hello/settings/config", "set", "name", url.Values{"name": {"1A"}, "value": {"x y"}}, "Config var name &#34;1A&#34; is invalid", []string{`value="1A"`, `value="x y"`}},
		{"/apps/hello/settings/domains", "domain", "hostname", url.Values{"hostname": {"no dots"}}, "", []string{`value="no dots"`}},
		{"/apps/hello/settings/destroy", "destroy", "confirm", url.Values{"confirm": {""}}, "To go on, type hello", nil},
	} {
		before := m.happened()
		test.typed.Set("form", test.form)
		got := b.post(home+test.path, test.typed)
		if got.StatusCode != 422 && got.StatusCode != 404 {
			t.Errorf("%s: status %d", test.path, got.StatusCode)
		}
		if !beside(test.form+"-"+test.field, regexp.QuoteMeta(test.wrong)).MatchString(got.text) {
			t.Errorf("%s: %q is not said beside %s in\n%s", test.path, test.wrong, test.field, got.text)
		}
		got.has(t, got.StatusCode, test.keeps...)
		if m.happened() != before {
			t.Errorf("%s: something happened", test.path)
		}
	}
}

func TestTheSecondEditorSeesWhatTheFirstHasChanged(t *testing.T) {
	m := newManor(t)
	b := m.people["admin"]
	_, first, err := m.platform.Ruleset(t.Context(), m.ada, "cellar")
	check(t, err)
	add := func(source string) seen {
		return b.post(home+"/spaces/cellar/network/trusted", url.Values{"form": {"trust"}, "version": {first.ID}, "source": {source}})
	}
	if got := add("192.0.2.0/24"); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d", got.StatusCode)
	}
	add("198.51.100.0/24").has(t, 412, "are no longer those that you have read", "<code>192.0.2.0/24</code>", `value="198.51.100.0/24"`)
	_, now, err := m.platform.Ruleset(t.Context(), m.ada, "cellar")
	check(t, err)
	if len(now.Sources) != 2 || slices.ContainsFunc(texts(now.Sources), func(s string) bool { return s == "198.51.100.0/24" }) {
		t.Errorf("got %v", now.Sources)
	}
	b.get(home+"/spaces/cellar/network").has(t, 200, "0.0.0.0/0 lets everyone in, whatever stands beside it.")
}

func TestATrustedRangeHasALabel(t *testing.T) {
	m := newManor(t)
	network := home + "/spaces/cellar/network"
	_, r, err := m.platform.Ruleset(t.Context(), m.ada, "cellar")
	check(t, err)
	b := m.people["admin"]
	b.post(network+"/trusted", url.Values{"form": {"trust"}, "version": {r.ID}, "source": {"192.0.2.0/24"}, "label": {strings.Repeat("x", 61)}}).has(t, 422, "A label is one line", `value="192.0.2.0/24"`)
	b.post(network+"/trusted", url.Values{"form": {"trust"}, "version": {r.ID}, "source": {"192.0.2.0/24"}, "label": {"The <office>"}})
	b.get(network).has(t, 200, `value="The &lt;office&gt;"`)
	m.people["viewer"].get(network).has(t, 200, "<td>The &lt;office&gt;")
	b.post(network+"/trusted/label", url.Values{"form": {"label-192.0.2.0/24"}, "source": {"192.0.2.0/24"}, "label": {"Annex"}})
	m.people["viewer"].get(network).has(t, 200, "<td>Annex")
}

func TestWhatRunsAndWhatItUsesAreShown(t *testing.T) {
	m := newManor(t)
	resources := home + "/apps/hello/resources"
	m.people["operates"].get(resources).has(t, 200, "web.1", "exit 7", "vault-1", "vault:small", "in the space", `aria-label="Restart web.2"`, `aria-label="Scale web"`)
	if got := m.people["views"].get(resources); strings.Contains(got.text, "Restart") {
		t.Errorf("who may only look is offered a restart:\n%s", got.text)
	}
	m.people["viewer"].get(home+"/spaces/cellar").has(t, 200, "1 up, 1 crashed")
	m.people["admin"].post(home+"/apps/hello/restart", url.Values{"form": {"restart"}, "dyno": {"web.9"}}).has(t, 404, "Couldn&#39;t find that dyno.", "web.1")
}

func TestADryRunChangesNothing(t *testing.T) {
	m := newManor(t)
	before := m.happened()
	b := m.people["admin"]
	b.get(home+"/spaces/cellar/network?without=0.0.0.0%2F0").has(t, 200, "Dry run: 0.0.0.0/0 removed", "This server does not remember clients", "Nothing was changed.")
	b.get(home+"/spaces/cellar/network?source=192.0.2.1%2F24").has(t, 200, "has host bits set. Did you mean 192.0.2.0/24?", `value="192.0.2.1/24"`)
	if got := m.people["viewer"].get(home + "/spaces/cellar/network?source=192.0.2.0%2F24"); strings.Contains(got.text, "Dry run") {
		t.Error("a viewer is told whom a range would cut off")
	}
	if m.happened() != before {
		t.Error("something happened")
	}
}

func TestConfigVarsAreMaskedUntilTheyAreAskedFor(t *testing.T) {
	m := newManor(t)
	const secret = "hush hush"
	for _, d := range m.web.doors() {
		if d.does == nil {
			if got := m.people["admin"].get(m.fill(d.path)); strings.Contains(got.text, secret) {
				t.Errorf("%s has a config var in it", d.pattern())
			}
		}
	}
	settings := home + "/apps/hello/settings"
	for _, name := range []string{"PASSWORD", "*"} {
		m.people["admin"].get(settings+"?reveal="+name).has(t, 200, secret)
		m.people["operates"].get(settings+"?reveal="+name).has(t, 200, "<code>"+secret+"</code>")
		for _, who := range []string{"viewer", "member", "views", "manages"} {
			if got := m.people[who].get(settings + "?reveal=" + name); got.StatusCode != 200 || strings.Contains(got.text, secret) || strings.Contains(got.text, "PASSWORD") {
				t.Errorf("%s sees a config var:\n%s", who, got.text)
			}
		}
	}
	if got := m.people["admin"].get(settings + "?reveal=OTHER"); strings.Contains(got.text, secret) {
		t.Error("another one was asked for")
	}
	m.people["admin"].post(settings+"/config", url.Values{"name": {"LINES"}, "value": {"a\r\nb"}})
	vars, err := m.platform.Config(t.Context(), m.ada, "hello")
	check(t, err)
	if vars["LINES"] != "a\nb" || vars["PASSWORD"] != secret {
		t.Errorf("%q", vars["LINES"].Reveal())
	}
}

func TestEveryPageIsOfOurOwnMaking(t *testing.T) {
	m := newManor(t)
	_, _, err := m.platform.UpdateCollaborator(t.Context(), m.ada, "hello", "views@example.com", []string{"deploy"})
	check(t, err)
	ids := regexp.MustCompile(` id="([^"]+)"`)
	refers := regexp.MustCompile(` (?:for|aria-labelledby|aria-describedby)="([^"]+)"`)
	for _, d := range m.web.doors() {
		if d.does != nil {
			continue
		}
		got := m.people["admin"].get(m.fill(d.path))
		if csp := got.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "script-src 'self'") || !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("%s: the policy is %q", d.path, csp)
		}
		if bad := regexp.MustCompile(`<script>|<style|\sstyle=|\son[a-z]+=|src="http|ZgotmplZ|<no value>`).FindString(got.text); bad != "" {
			t.Errorf("%s has %q in it:\n%s", d.path, bad, got.text)
		}
		if n := strings.Count(got.text, "<h1>"); n != 1 {
			t.Errorf("%s has %d titles", d.path, n)
		}
		seen := map[string]bool{}
		for _, id := range ids.FindAllStringSubmatch(got.text, -1) {
			if seen[id[1]] {
				t.Errorf("%s has the id %s twice", d.path, id[1])
			}
			seen[id[1]] = true
		}
		for _, r := range refers.FindAllStringSubmatch(got.text, -1) {
			for _, id := range strings.Fields(r[1]) {
				if !seen[id] {
					t.Errorf("%s refers to %s, which is not there", d.path, id)
				}
			}
		}
	}
}

func TestTheDashboardTakesFormsOfItsOwnAlone(t *testing.T) {
	m := newManor(t)
	before := m.happened()
	for _, d := range m.web.doors() {
		if d.does != nil {
			m.people["admin"].post(m.fill(d.path), forms[strings.TrimPrefix(d.path, home)], func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).has(t, 403, "This was asked for by another site.")
		}
	}
	if m.happened() != before {
		t.Error("something happened")
	}
}

func TestWhatWasDoneIsToldInOurOwnWords(t *testing.T) {
	m := newManor(t)
	m.people["admin"].get(home+"/apps/hello?done=scaled").has(t, 200, `<p class="done" role="status">Scaled.`)
	if got := m.people["admin"].get(home + "/apps/hello?done=Send+money"); strings.Contains(got.text, "Send") {
		t.Error("others' words are on the page")
	}
}

func TestASpaceIsCheckedWhileItIsTyped(t *testing.T) {
	m := newManor(t)
	for query, want := range map[string]string{
		"name=tower":                    `{"cidr":"","data_cidr":"","name":""}`,
		"":                              `{"cidr":"","data_cidr":"","name":""}`,
		"name=T":                        `"name":"Name must be`,
		"cidr=10.3.0.1/16":              `Did you mean 10.3.0.0/16?`,
		"cidr=10.3.0.0/16&data_cidr=10": `"data_cidr":"data_cidr \"10\" is not an IPv4 range`,
		"data_cidr=10.0.0.0/16":         `overlaps the space's cidr 10.0.0.0/16`,
	} {
		got := m.people["admin"].get(home + "/check/space?" + query)
		if got.StatusCode != 200 || !strings.Contains(strings.ReplaceAll(got.text, `\u0027`, "'"), want) {
			t.Errorf("%s: %s", query, got.text)
		}
	}
	if got := m.people["anonymous"].get(home + "/check/space?name=T"); got.StatusCode != 401 {
		t.Errorf("status %d", got.StatusCode)
	}
}

func TestASpaceIsDestroyedWhenNothingStandsInTheWay(t *testing.T) {
	m := newManor(t)
	b := m.people["admin"]
	b.get(home+"/spaces/cellar/settings").has(t, 200, "1 app stands in the way", home+"/apps/hello/settings")
	if got := b.post(home+"/apps/hello/settings/destroy", url.Values{"confirm": {"hello"}}); got.Header.Get("Location") != home+"/spaces/cellar?done=destroyed" {
		t.Fatalf("%d %s", got.StatusCode, got.text)
	}
	if got := b.post(home+"/spaces/cellar/settings/destroy", url.Values{"confirm": {"cellar"}}); got.Header.Get("Location") != home+"/teams/acme/spaces?done=destroyed" {
		t.Fatalf("%d %s", got.StatusCode, got.text)
	}
	if _, err := m.platform.Space(t.Context(), m.ada, "cellar"); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestAssetsAreKeptByTheirSum(t *testing.T) {
	b := newSite(t).browser()
	for _, name := range assets {
		if got := b.get(asset(name)); got.StatusCode != 200 || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %s", name, got.StatusCode, got.Header.Get("Cache-Control"))
		}
		if got := b.get("/" + name + "?v=other"); got.StatusCode != 200 || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %s", name, got.StatusCode, got.Header.Get("Cache-Control"))
		}
	}
}
