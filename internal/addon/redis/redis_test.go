package redis

import (
	"maps"
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
	s := addon.Spec{Addon: cloister.Addon{ID: cloister.NewID(), Name: "redis-oval-1", State: cloister.Provisioned}, Zones: 3,
		Plan:        cloister.Plan{Name: "private-0", HumanName: "Private 0", Shape: cloister.Shape{Memory: 256 << 20, Disk: 1 << 30, CPU: 500, Connections: 40, Standby: standby}},
		Credentials: []cloister.Credential{{Name: cloister.DefaultCredential, Password: "new", Old: "old"}}}
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
	for _, slot := range []string{"0", "1", "2"} {
		run := Kind{}.Run(s, slot)
		if !reflect.DeepEqual(run, Kind{}.Run(s, slot)) {
			t.Errorf("slot %s: not the same twice", slot)
		}
		users := run.Env["USERS"]
		if strings.Contains(users, "old") || strings.Contains(users, "#new") || strings.Count(users, "#") != 3 {
			t.Errorf("slot %s has the users %q", slot, users)
		}
		if run.Env["SLOTS"] != "0 1 2" || run.Env["SLOT"] != slot || !strings.Contains(run.Env["TLS_KEY"], "PRIVATE KEY") {
			t.Errorf("slot %s runs in %v", slot, slices.Sorted(maps.Keys(run.Env)))
		}
	}
	if got := (Kind{}).Run(spec(t, false), "0").Env["SLOTS"]; got != "0" {
		t.Errorf("without a standby there are %q", got)
	}
}

func TestDataAreInTwoInstancesOfThree(t *testing.T) {
	t.Parallel()
	var got []string
	for _, i := range (Kind{}).Instances(spec(t, true)) {
		if i.Serve {
			got = append(got, i.Slot)
		}
	}
	if !slices.Equal(got, []string{"0", "1"}) || len(Kind{}.Instances(spec(t, false))) != 1 {
		t.Errorf("clients come to %v", got)
	}
}

func TestMemoryAndFilesHaveRoomForTheRest(t *testing.T) {
	t.Parallel()
	for _, mb := range []int64{96, 256, 1024, 65536} {
		shape := cloister.Shape{Memory: mb << 20}
		if n := connections(cloister.Shape{Connections: int(mb)}); n != min(9000, int(mb)) {
			t.Errorf("%d clients are %d", mb, n)
		}
		if got := maxmemory(shape); got < shape.Memory/3 || got > shape.Memory*3/4 {
			t.Errorf("of %d MB %d are for data", mb, got>>20)
		}
	}
}

func TestCheckRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	good := spec(t, false).Plan
	small := good
	small.Shape.Memory = 32 << 20
	for _, test := range []struct {
		plan    cloister.Plan
		options map[string]string
		says    string
	}{
		{good, nil, ""},
		{good, map[string]string{"version": "8", "timeout": "0", "maxmemory_policy": "allkeys-lfu", "notify_keyspace_events": "KEA"}, ""},
		{small, nil, "too little"},
		{good, map[string]string{"version": "5"}, "not to be had"},
		{good, map[string]string{"timeout": "-1"}, "number of seconds"},
		{good, map[string]string{"maxmemory_policy": "all"}, "allkeys-lfu, allkeys-lru"},
		{good, map[string]string{"notify_keyspace_events": "K\"\nrequirepass x"}, "letters"},
		{good, map[string]string{"fork": "other"}, "no setting"},
	} {
		err := Kind{}.Check(test.plan, test.options)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v", test.options, err)
		}
	}
}

func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	const up = "sentinel_primary:0.redis-oval-1.data.localspace\nsentinel_replicas:1\n"
	for _, test := range []struct {
		name, slot, said string
		standby          bool
		want             addon.Health
	}{
		{"alone", "0", "loading:0\r\nrole:master\r\n", false, addon.Health{Ready: true, Role: "primary"}},
		{"it reads its files", "0", "loading:1\r\nrole:master\r\n", false, addon.Health{}},
		{"nothing answers", "0", "", false, addon.Health{}},
		{"the primary", "0", "loading:0\r\nrole:master\r\n" + up, true, addon.Health{Ready: true, Role: "primary"}},
		{"who was the primary", "1", "loading:0\r\nrole:master\r\n" + up, true, addon.Health{}},
		{"a standby", "1", "loading:0\r\nrole:slave\r\nmaster_link_status:up\r\n" + up, true, addon.Health{Ready: true, Role: "standby"}},
		{"a standby that copies", "1", "loading:0\r\nrole:slave\r\nmaster_link_status:down\r\n" + up, true, addon.Health{Role: "standby"}},
		{"a standby that the sentinels do not know", "1", "loading:0\r\nrole:slave\r\nmaster_link_status:up\r\n" + strings.Replace(up, "replicas:1", "replicas:0", 1), true, addon.Health{Role: "standby"}},
		{"the witness", "2", up, true, addon.Health{Ready: true}},
		{"a witness that is not there yet", "2", "", true, addon.Health{}},
	} {
		if got := judge(facts(test.said), spec(t, test.standby), test.slot); got != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestConfigIsOneAddress(t *testing.T) {
	t.Parallel()
	got := Kind{}.Config(spec(t, true))[""]["REDIS_URL"].Reveal()
	if want := "rediss://:new@redis-oval-1.data.localspace:6379"; got != want {
		t.Errorf("%s", got)
	}
	if got := (Kind{}).Config(addon.Spec{}); got != nil {
		t.Errorf("without a password there is %v", got)
	}
}

func TestInfoIsTruthfulWithoutAnswer(t *testing.T) {
	t.Parallel()
	s := spec(t, true)
	s.Addon.Settings = map[string]string{"timeout": "9"}
	got := map[string]string{}
	for _, f := range (Kind{}).info(s, nil) {
		got[f.Name] = strings.Join(f.Values, ", ")
	}
	if got["Status"] != "unavailable" || got["HA Status"] != "Temporarily Unavailable" || got["Timeout"] != "9" || got["Keyspace Notifications"] != "Disabled" {
		t.Errorf("it says %v", got)
	}
}
