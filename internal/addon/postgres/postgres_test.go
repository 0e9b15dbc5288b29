package postgres

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// spec is an add-on as control has it when it is made.
func spec(t *testing.T, standby bool) addon.Spec {
	t.Helper()
	s := addon.Spec{Addon: cloister.Addon{ID: cloister.NewID(), Name: "postgresql-oval-1", State: cloister.Provisioned}, Zones: 3,
		Plan: cloister.Plan{Name: "private-0", HumanName: "Private 0", Shape: cloister.Shape{Memory: 4 << 30, Disk: 16 << 30, CPU: 2000, Connections: 120, Standby: standby}},
		Credentials: []cloister.Credential{
			{Name: cloister.DefaultCredential, User: "u0123456789abcd", Password: "new", Old: "old"},
			{Name: "reader", User: "reader", Password: "other"},
		}}
	secrets, err := Kind{}.Begin(s, time.Unix(1e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	s.Addon.Secrets = secrets
	return s
}

func TestRunIsPureAndHasNoPasswordOfClients(t *testing.T) {
	t.Parallel()
	s := spec(t, true)
	for _, slot := range []string{"0", "1", "monitor"} {
		run := Kind{}.Run(s, slot)
		if !reflect.DeepEqual(run, Kind{}.Run(s, slot)) {
			t.Errorf("slot %s: not the same twice", slot)
		}
		if run.Env["SLOTS"] != "0 1 monitor" || run.Env["SLOT"] != slot || !strings.Contains(run.Env["TLS_KEY"], "PRIVATE KEY") || len(run.Command) != 1 {
			t.Errorf("slot %s runs %v in %v", slot, run.Command, slices.Sorted(maps.Keys(run.Env)))
		}
		for name, value := range run.Env {
			if value == "new" || value == "old" || strings.Contains(value, s.Addon.Secrets["authority.key"].Reveal()) {
				t.Errorf("slot %s has a secret in %s", slot, name)
			}
		}
	}
	if got := (Kind{}).Run(spec(t, false), "0").Env["SLOTS"]; got != "0" {
		t.Errorf("without a standby there are %q", got)
	}
}

func TestClientsComeToThoseWithData(t *testing.T) {
	t.Parallel()
	var got []string
	for _, i := range (Kind{}).Instances(spec(t, true)) {
		if i.Serve {
			got = append(got, i.Slot)
		}
	}
	if alone := (Kind{}).Instances(spec(t, false)); !slices.Equal(got, []string{"0", "1"}) || len(alone) != 1 || alone[0].Slot != "0" {
		t.Errorf("clients come to %v, or to %v", got, alone)
	}
}

func TestCheckRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	good := spec(t, false).Plan
	small, narrow := good, good
	small.Shape.Memory, narrow.Shape.Disk = 64<<20, 64<<20
	for _, test := range []struct {
		plan    cloister.Plan
		options map[string]string
		says    string
	}{
		{good, nil, ""},
		{good, map[string]string{"version": "17"}, ""},
		{small, nil, "too little"},
		{narrow, nil, "too little"},
		{good, map[string]string{"version": "9.6"}, "There is 17."},
		{good, map[string]string{"follow": "other"}, "pg:copy"},
		{good, map[string]string{"fork": "other"}, "pg:copy"},
		{good, map[string]string{"colour": "red"}, "no option"},
	} {
		err := Kind{}.Check(test.plan, test.options)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v", test.options, err)
		}
	}
}

func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	lines := config(spec(t, false).Plan.Shape)
	for _, want := range []string{"max_connections = 520", "shared_buffers = 1048576kB", "work_mem = 8738kB", "max_wal_size = 2048MB", "max_parallel_workers = 2"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%s is not in %v", want, lines)
		}
	}
	for _, n := range []int{0, 20, 120, 500, 501, 5000} {
		shape := cloister.Shape{Memory: minMemory, Disk: minDisk, Connections: n}
		if slots(shape) < limit(shape)+20 || pool(shape) >= limit(shape) {
			t.Errorf("for %d clients there are %d connections, and %d of the pooler", n, slots(shape), pool(shape))
		}
	}
	if a, b := slots(cloister.Shape{Connections: 120}), slots(cloister.Shape{Connections: 500}); a != b {
		t.Errorf("a standby of the smaller plan has %d connections, and its primary %d", a, b)
	}
}

func TestConfigHasAnAddressForEachCredential(t *testing.T) {
	t.Parallel()
	s := spec(t, true)
	s.Credentials = append(s.Credentials, cloister.Credential{Name: "gone", User: "gone", Password: "x", State: cloister.CredentialRevoking})
	got := Kind{}.Config(s)
	if len(got) != 2 {
		t.Fatalf("there are %v", slices.Sorted(maps.Keys(got)))
	}
	for namespace, user := range map[string]string{"": "u", "credential:reader": "reader."} {
		u, err := url.Parse(got[namespace]["HEROKU_POSTGRESQL_URL"].Reveal())
		if err != nil || u.Scheme != "postgres" || u.Host != "postgresql-oval-1.data.localspace:5432" || u.Path != "/"+database(s) || !strings.HasPrefix(u.User.Username(), user) {
			t.Errorf("%q: %v, %v", namespace, u, err)
		}
	}
}

func TestLoginsBelongToPasswords(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, c := range []cloister.Credential{
		{Name: "default", User: "u0123456789abcd"}, {Name: "reader", User: "reader"}, {Name: "postgres", User: "postgres"}, {Name: "heroku", User: "heroku"},
		{Name: "u0123456789abcd", User: "u0123456789abcd"}, {Name: "pg_monitor", User: "pg_monitor"}, {Name: "public", User: "public"},
	} {
		for _, password := range []cloister.Secret{"a", "b"} {
			for _, r := range []string{login(c, password)} {
				if before := seen[r]; before != "" || r == role(c) || r == "postgres" {
					t.Errorf("%s of %s is that of %s too", r, c.Name, before)
				}
				seen[r] = c.Name
			}
		}
		if c.Name != cloister.DefaultCredential && c.Name != "reader" && role(c) != "credential_"+c.Name {
			t.Errorf("%s is the role %s", c.Name, role(c))
		}
	}
}

func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, slot, said string
		want             addon.Health
	}{
		{"alone", "0", "recovery:false\nfollowing:0\nreadonly:off\n", addon.Health{Ready: true, Role: "primary"}},
		{"nothing answers", "0", "", addon.Health{}},
		{"the primary", "0", "recovery:false\nreadonly:off\ngoal:primary\n", addon.Health{Ready: true, Role: "primary"}},
		{"a primary, and the monitor is away", "0", "recovery:false\nreadonly:off\n", addon.Health{Ready: true, Role: "primary"}},
		{"who was the primary", "1", "recovery:false\nreadonly:off\ngoal:demoted\n", addon.Health{}},
		{"who becomes the primary", "1", "recovery:false\nreadonly:on\ngoal:stop_replication\n", addon.Health{}},
		{"who is just about the primary", "1", "recovery:false\nreadonly:on\ngoal:wait_primary\n", addon.Health{}},
		{"a full volume", "1", "recovery:false\nreadonly:on\nfull:1\ngoal:primary\n", addon.Health{Ready: true, Role: "primary"}},
		{"a standby", "1", "recovery:true\nfollowing:1\nreadonly:off\ngoal:secondary\n", addon.Health{Ready: true, Role: "standby"}},
		{"a standby that follows nobody", "1", "recovery:true\nfollowing:0\ngoal:catchingup\n", addon.Health{Role: "standby"}},
		{"the monitor", "monitor", "monitor:2\n", addon.Health{Ready: true}},
		{"a monitor that is not there yet", "monitor", "monitor:\n", addon.Health{}},
	} {
		if got := judge(facts(test.said), test.slot); got != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	k, s := Kind{}, spec(t, false)
	for name, values := range map[string][2]string{ // a good one, and a bad one
		"log_statement": {"mod", "some"}, "log_min_duration_statement": {"-1", "-2"}, "log_lock_waits": {"false", "maybe"},
		"auto_explain": {"true", "1"}, "auto_explain.log_format": {"json", "csv'\nport = 1"}, "track_functions": {"pl", "x"}, "auto_explain.log_min_duration": {"250", "1s"},
	} {
		if err := k.CheckSetting(name, values[0]); err != nil {
			t.Errorf("%s = %s: %v", name, values[0], err)
		}
		if err := k.CheckSetting(name, values[1]); err == nil {
			t.Errorf("%s = %s", name, values[1])
		}
	}
	if err := k.CheckSetting("fsync", "off"); err == nil {
		t.Error("fsync is a setting")
	}
	if file := settingsFile(s); !strings.Contains(file, "auto_explain.log_min_duration = '-1'\n") || !strings.Contains(file, "log_statement = 'ddl'\n") || strings.Contains(file, "auto_explain = ") {
		t.Errorf("the file is %s", file)
	}
	s.Addon.Settings = map[string]string{"auto_explain": "true", "auto_explain.log_min_duration": "250"}
	if file := settingsFile(s); !strings.Contains(file, "auto_explain.log_min_duration = '250'\n") {
		t.Errorf("the file is %s", file)
	}
	if !slices.IsSortedFunc(settings, func(a, b setting) int { return strings.Compare(a.name, b.name) }) {
		t.Error("settings are not sorted")
	}
	for _, x := range k.Settings(s) {
		if x.Values[x.Value] == "" {
			t.Errorf("%s is %q, and nothing says what that means", x.Name, x.Value)
		}
	}
}

func TestInfoIsTruthfulWithoutAnswer(t *testing.T) {
	t.Parallel()
	said := func(f map[string]string) map[string]string {
		out := map[string]string{}
		for _, x := range (Kind{}).info(spec(t, true), f) {
			out[x.Name] = strings.Join(x.Values, ", ")
		}
		return out
	}
	if got := said(nil); got["Status"] != "Unavailable" || got["HA Status"] != "Temporarily Unavailable" || got["PG Version"] != Version || got["Data Size"] != "" {
		t.Errorf("it says %v", got)
	}
	got := said(map[string]string{"size": "10485760", "tables": "3", "version": "17.6", "connections": "2", "standbys": "1", "archived": "1700000000"})
	if got["Status"] != "Available" || got["HA Status"] != "Available" || got["Data Size"] != "10.0 MB / 16 GB (0.06%)" || got["Connections"] != "2/120" || got["Continuous Protection"] != "On" || got["Credentials"] != "2" {
		t.Errorf("it says %v", got)
	}
}

func TestStatementsQuote(t *testing.T) {
	t.Parallel()
	s := spec(t, false)
	s.Credentials = append(s.Credentials, cloister.Credential{Name: `x`, User: `x"; DROP`, Password: `it's`})
	sql := serverSQL(s) + databaseSQL(s)
	for _, bad := range []string{`"x"; DROP`, `'it's'`} {
		if strings.Contains(sql, bad) {
			t.Errorf("%s is in the statements", bad)
		}
	}
}
