package plan_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
)

// upDyno is one that is up.
func upDyno(typ string, number int, address string) cloister.Dyno {
	return cloister.Dyno{ID: typ + address, Type: typ, Number: number, State: cloister.DynoUp, Address: netip.MustParseAddr(address)}
}

func TestNamesLeadToWhatIsUp(t *testing.T) {
	starting, retired, crashed := upDyno("web", 3, "10.0.128.3"), upDyno("web", 1, "10.0.128.4"), upDyno("web", 4, "10.0.128.5")
	starting.State, retired.RetireAt, crashed.State = cloister.DynoStarting, time.Unix(1, 0), cloister.DynoCrashed
	long := upDyno(strings.Repeat("x", 64), 1, "10.0.128.7")
	apps := []plan.SpaceApp{
		{App: cloister.App{Name: "my-app", Label: "0a"}, Dynos: []cloister.Dyno{upDyno("web", 2, "10.0.144.1"), starting, retired,
			crashed, upDyno("web", 1, "10.0.128.1"), upDyno("Consul_Server", 1, "10.0.160.1"), long}},
		{App: cloister.App{Name: "shop", Label: "0b", InternalRouting: true}},
	}
	got := map[string]string{}
	for _, n := range plan.Names(apps, nil, "Apps.Example.com", netip.MustParseAddr("10.0.0.10")) {
		var all []string
		for _, a := range n.Addresses {
			all = append(all, a.String())
		}
		got[n.Name] = strings.Join(all, " ")
	}
	want := map[string]string{
		"my-app.app.localspace.":                 "10.0.128.1 10.0.128.7 10.0.144.1 10.0.160.1",
		"web.my-app.app.localspace.":             "10.0.128.1 10.0.144.1",
		"1.web.my-app.app.localspace.":           "10.0.128.1",
		"2.web.my-app.app.localspace.":           "10.0.144.1",
		"consul_server.my-app.app.localspace.":   "10.0.160.1",
		"1.consul_server.my-app.app.localspace.": "10.0.160.1",
		"shop-0b.apps.example.com.":              "10.0.0.10",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestTheTopologyTellsTheSameInBothWords(t *testing.T) {
	starting := upDyno("web", 2, "10.0.128.3")
	starting.State = cloister.DynoStarting
	apps := []plan.SpaceApp{
		{App: cloister.App{ID: "b", Name: "empty", Label: "0b"}},
		{App: cloister.App{ID: "a", Name: "my-app", Label: "0a"},
			Types: []cloister.ProcessType{{ID: "2", Type: "worker", Quantity: 1}, {ID: "1", Type: "web", Quantity: 2}, {ID: "3", Type: "clock"}},
			Dynos: []cloister.Dyno{starting, upDyno("web", 1, "10.0.128.1")}},
	}
	formation := `[{"id":"1","process_type":"web","dynos":[{"id":"web10.0.128.1","number":1,"private_ip":"10.0.128.1","hostname":"1.web.my-app.app.localspace"}]},` +
		`{"id":"2","process_type":"worker","dynos":[]}]`
	want := `{"version":1,"apps":[{"id":"a","domains":["my-app-0a.example.com"],"formation":` + formation + `,"formations":` + formation + `},` +
		`{"id":"b","domains":["empty-0b.example.com"],"formation":[],"formations":[]}]}`
	if got := string(plan.Topology(apps, "example.com")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(plan.Topology(nil, "example.com")); got != `{"version":1,"apps":[]}` || !json.Valid([]byte(got)) {
		t.Errorf("an empty space: %s", got)
	}
}

func TestTheRouterIsInsideOnlyForAppsThatNeedIt(t *testing.T) {
	s := plan.SpaceState{Space: cloister.Space{ID: "s", CIDR: cloister.DefaultCIDR, State: cloister.Allocated},
		Apps: []plan.SpaceApp{{App: cloister.App{Name: "shop"}}}}
	if p := plan.Space(s); p.Ensure.Internal.IsValid() || len(p.Ensure.Topology) == 0 {
		t.Errorf("without such an app: %+v", p.Ensure)
	}
	s.Apps[0].App.InternalRouting = true
	if p := plan.Space(s); p.Ensure.Internal != s.Space.Internal() || p.Ensure.Names[0].Addresses[0] != s.Space.Internal() {
		t.Errorf("with one: %+v", p.Ensure)
	}
}

func TestARetiredDynoOutlivesItsNames(t *testing.T) {
	for _, typ := range []string{"web", "worker"} {
		w := newWorld()
		w.scale(typ, 1)
		w.release()
		settle(t, w)
		old := w.Dynos[0].ID
		stopped := func() time.Time {
			for _, d := range w.Dynos {
				if d.ID == old {
					return d.StopAt
				}
			}
			t.Fatalf("%s is gone", old)
			return time.Time{}
		}
		pass := func(d time.Duration) {
			t.Helper()
			if err := w.run(d, nil); err != nil {
				t.Fatal(err)
			}
		}
		var gone time.Time
		w.Unnamed = func(cloister.Dyno) time.Time { return gone }
		w.release()
		pass(10 * time.Second)
		if !stopped().IsZero() {
			t.Errorf("a %s is stopped while its name is told", typ)
		}
		gone = w.now
		pass(plan.Farewell - time.Millisecond)
		if !stopped().IsZero() {
			t.Errorf("a %s is stopped while others may still use its name", typ)
		}
		pass(2 * time.Millisecond)
		if got := stopped(); !got.Equal(gone.Add(plan.Farewell)) {
			t.Errorf("a %s is stopped at %v, want %v", typ, got, gone.Add(plan.Farewell))
		}
	}
}

func TestADynoWhoseNamesDoNotGoIsStoppedAllTheSame(t *testing.T) {
	w := deployed(t, 1)
	w.Unnamed = func(cloister.Dyno) time.Time { return time.Time{} }
	w.scale("web", 0)
	retired := w.now
	if err := w.run(plan.DrainLimit+500*time.Millisecond, nil); err != nil {
		t.Fatal(err)
	}
	if d := w.Dynos[0]; !d.StopAt.Equal(retired.Add(plan.DrainLimit)) {
		t.Errorf("it was stopped at %v, and retired at %v", d.StopAt, retired)
	}
}

// What never came up had no name, so nobody can miss it.
func TestADynoThatWasNeverUpDoesNotLinger(t *testing.T) {
	w := newWorld()
	w.boot = func(cloister.Dyno) time.Duration { return time.Hour }
	w.Unnamed = func(cloister.Dyno) time.Time { return time.Time{} }
	w.scale("web", 1)
	w.release()
	if err := w.run(5*time.Second, nil); err != nil {
		t.Fatal(err)
	}
	w.scale("web", 0)
	w.step()
	if d := w.Dynos[0]; !d.StopAt.Equal(w.now) {
		t.Errorf("it is not stopped at once: %+v", d)
	}
}
