package web

import (
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

var writeDoors = flag.Bool("update", false, "write testdata/doors.txt anew")

// visitors are all who come to each door of a manor, in the order of testdata/doors.txt.
var visitors = []string{"anonymous", "stranger", "viewer", "member", "creates", "views", "deploys", "operates", "manages", "admin"}

// everybodys are the pages on which everybody who has signed in gets what is theirs.
var everybodys = map[string]bool{"GET " + home: true}

// forms are what is sent to doors that would not come to the question who asks otherwise.
var forms = map[string]url.Values{
	"/teams/{team}/spaces/new":         {"name": {"tower"}, "region": {"tokyo"}},
	"/teams/{team}/access":             {"email": {"stranger@example.com"}, "role": {"viewer"}},
	"/teams/{team}/access/{user}":      {"role": {"viewer"}},
	"/spaces/{space}/network/trusted":  {"source": {"192.0.2.0/24"}},
	"/spaces/{space}/network/peerings": {"peer": {"meadow"}},
	"/spaces/{space}/access/{user}":    {"permission": {"create_apps"}},
	"/spaces/{space}/settings/rename":  {"name": {"tower"}},
	"/spaces/{space}/settings/destroy": {"confirm": {"cellar"}},
	"/spaces/{space}/apps/new":         {"name": {"bye"}},
	"/apps/{app}/resources/{type}":     {"quantity": {"2"}, "size": {"Private-M"}},
	"/apps/{app}/deploy/rollback":      {"release": {"v2"}},
	"/apps/{app}/access":               {"email": {"stranger@example.com"}, "permission": {"deploy"}},
	"/apps/{app}/access/{user}":        {"permission": {"deploy"}},
	"/apps/{app}/settings/config":      {"name": {"KEY"}, "value": {"value"}},
	"/apps/{app}/settings/domains":     {"hostname": {"api.example.com"}},
	"/apps/{app}/settings/maintenance": {"on": {"true"}},
	"/apps/{app}/settings/rename":      {"name": {"bye"}},
	"/apps/{app}/settings/destroy":     {"confirm": {"hello"}},

	"/apps/{app}/settings/config/remove":                {"name": {"PASSWORD"}},
	"/apps/{app}/settings/domains/remove":               {"hostname": {"www.example.com"}},
	"/spaces/{space}/settings/transfer":                 {"team": {"acme"}},
	"/spaces/{space}/network/trusted/label":             {"source": {"0.0.0.0/0"}, "label": {"Everyone"}},
	"/spaces/{space}/network/trusted/remove":            {"source": {"0.0.0.0/0"}},
	"/teams/{team}/access/{user}/remove":                {},
	"/apps/{app}/access/{user}/remove":                  {},
	"/apps/{app}/restart":                               {},
	"/spaces/{space}/network/peerings/{peering}/accept": {},
	"/spaces/{space}/network/peerings/{peering}/remove": {},
}

// visit has somebody come to a door, and tells what they get: a status, or "sign-in" if they are sent there.
func (m *manor) visit(d door, who string) string {
	path := m.fill(d.path)
	b := m.people[who]
	if d.does == nil {
		return told(b.get(path))
	}
	form, ok := forms[strings.TrimPrefix(d.path, home)]
	if !ok {
		m.t.Errorf("%s: there is no form for it", d.path)
	}
	form = maps.Clone(form)
	if _, r, err := m.platform.Ruleset(m.t.Context(), m.ada, "cellar"); err == nil {
		form.Set("version", r.ID)
	}
	return told(b.post(path, form))
}

func told(s seen) string {
	if to := s.Header.Get("Location"); strings.HasPrefix(to, "/sign-in") || s.path == "/sign-in" || strings.HasPrefix(s.path, "/sign-in?") {
		return "sign-in"
	}
	return fmt.Sprint(s.StatusCode)
}

// TestEveryDoorLetsInWhomItShould has everybody come to every page, and to the address of every form, and compares what they get
// with the table. Some of it holds whatever the table says.
func TestEveryDoorLetsInWhomItShould(t *testing.T) {
	const file = "testdata/doors.txt"
	want := map[string]string{}
	if text, err := os.ReadFile(file); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, row, ok := strings.Cut(strings.TrimRight(line, "\n"), " : "); ok && !strings.HasPrefix(line, "#") {
				want[strings.TrimSpace(name)] = row
			}
		}
	}
	got := map[string]string{}
	m := newManor(t)
	for _, d := range m.web.doors() {
		var row []string
		for _, who := range visitors {
			before := m.happened()
			status := m.visit(d, who)
			row = append(row, status)
			done := m.happened() != before
			switch {
			case who == "anonymous" && status != "sign-in":
				t.Errorf("%s: whoever has not signed in gets %s", d.pattern(), status)
			case who == "stranger" && status != "404" && !everybodys[d.pattern()]:
				t.Errorf("%s: a stranger gets %s", d.pattern(), status)
			case done && status != "303":
				t.Errorf("%s: %s gets %s, and yet something happened", d.pattern(), who, status)
			case done && d.does == nil:
				t.Errorf("%s: something happened to a page that %s has looked at", d.pattern(), who)
			case d.does != nil && status == "200":
				t.Errorf("%s: %s is not sent on to a page", d.pattern(), who)
			}
			if done {
				m = newManor(t) // as it was
			}
		}
		got[d.pattern()] = strings.Join(row, " ")
	}
	var table strings.Builder
	fmt.Fprintf(&table, "# What everybody gets who comes to a door, by go test ./internal/web -run EveryDoor -update: %s.\n", strings.Join(visitors, ", "))
	for _, name := range slices.Sorted(maps.Keys(got)) {
		fmt.Fprintf(&table, "%-75s : %s\n", name, got[name])
		if want[name] != got[name] && !*writeDoors {
			t.Errorf("%s: %s\nget  %s\nwant %s", name, strings.Join(visitors, " "), got[name], want[name])
		}
	}
	for name := range want {
		if got[name] == "" && !*writeDoors {
			t.Errorf("%s is in %s, and is no door any more", name, file)
		}
	}
	if *writeDoors {
		check(t, os.WriteFile(file, []byte(table.String()), 0o644))
	}
}
