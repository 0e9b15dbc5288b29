package plan_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
)

func dyno(typ string, n int, state cloister.DynoState) cloister.Dyno {
	d := cloister.Dyno{ID: typ + string(state) + string(rune('0'+n)), Type: typ, Number: n, State: state}
	if state == cloister.DynoUp {
		d.Endpoint = netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, 64, 0, byte(n)}), 5000)
	}
	return d
}

func TestOnlyWebDynosThatAreUpHaveARoute(t *testing.T) {
	retired := dyno("web", 3, cloister.DynoUp)
	retired.RetireAt = time.Unix(1, 0)
	nowhere := dyno("web", 4, cloister.DynoUp)
	nowhere.Endpoint = netip.AddrPort{}
	r := plan.Route(plan.RouteInput{Deployed: true, Dynos: []cloister.Dyno{dyno("web", 2, cloister.DynoUp), dyno("web", 1, cloister.DynoUp),
		dyno("worker", 1, cloister.DynoUp), dyno("web", 5, cloister.DynoStarting), dyno("web", 6, cloister.DynoCrashed), retired, nowhere}})
	var names []string
	for _, d := range r.Dynos {
		names = append(names, d.Name)
	}
	if !slices.Equal(names, []string{"web.1", "web.2"}) || r.Starting || r.Crashed || r.Blank {
		t.Errorf("route %+v", r)
	}
}

func TestARouteSaysWhyNobodyAnswers(t *testing.T) {
	for _, c := range []struct {
		name                     string
		deployed                 bool
		dynos                    []cloister.Dyno
		blank, crashed, starting bool
	}{
		{"nothing was deployed", false, nil, true, false, false},
		{"scaled to zero", true, nil, false, false, false},
		{"starting", true, []cloister.Dyno{dyno("web", 1, cloister.DynoStarting)}, false, false, true},
		{"crashed", true, []cloister.Dyno{dyno("web", 1, cloister.DynoCrashed)}, false, true, false},
		{"only workers", true, []cloister.Dyno{dyno("worker", 1, cloister.DynoCrashed)}, false, false, false},
	} {
		r := plan.Route(plan.RouteInput{Deployed: c.deployed, Dynos: c.dynos})
		if r.Blank != c.blank || r.Crashed != c.crashed || r.Starting != c.starting || len(r.Dynos) > 0 {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

func TestARouteIsSortedAndInLowerCase(t *testing.T) {
	r := plan.Route(plan.RouteInput{App: cloister.App{ID: "2", Name: "two", SpaceID: "s", Maintenance: true, InternalRouting: true},
		Host: "Two.Example", Domains: []cloister.Domain{{Hostname: "a.example"}}})
	if !slices.Equal(r.Hosts, []string{"a.example", "two.example"}) || !r.Maintenance || !r.Internal || r.SpaceID != "s" || r.AppID != "2" {
		t.Errorf("route %+v", r)
	}
}

func TestARouteSaysWhatClientsMustBeLike(t *testing.T) {
	t.Parallel()
	r := plan.Route(plan.RouteInput{App: cloister.App{Features: map[string]bool{cloister.StrictTLS: false}},
		Domains: []cloister.Domain{{Hostname: "open.example"}, {Hostname: "closed.example", Clients: "authorities"}}})
	if r.TLS != cloister.TLSLegacy || len(r.Clients) != 1 || r.Clients[0].Host != "closed.example" || string(r.Clients[0].Authorities) != "authorities" {
		t.Errorf("route %+v", r)
	}
}

func TestARouteLeavesLostZones(t *testing.T) {
	t.Parallel()
	in := func(zones ...string) (r cloister.Route) {
		for _, z := range zones {
			r.Dynos = append(r.Dynos, cloister.RouteDyno{ID: z, Zone: z})
		}
		return r
	}
	waits := cloister.Route{Dynos: []cloister.RouteDyno{}, Starting: true}
	for name, x := range map[string]struct {
		lost []string
		has  cloister.Route
		want cloister.Route
	}{
		"nothing is lost":      {nil, in("a", "b"), in("a", "b")},
		"one of two":           {[]string{"a"}, in("a", "b"), in("b")},
		"another zone":         {[]string{"c"}, in("a", "b"), in("a", "b")},
		"all it had":           {[]string{"a", "b"}, in("a", "b"), waits},
		"an app without dynos": {[]string{"a"}, cloister.Route{Crashed: true}, cloister.Route{Crashed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(x.has.Dynos)
			if got := plan.RouteWithout(x.has, x.lost); !slices.Equal(got.Dynos, x.want.Dynos) || got.Starting != x.want.Starting || got.Crashed != x.want.Crashed {
				t.Errorf("got %+v\nwant %+v", got, x.want)
			}
			if !slices.Equal(before, x.has.Dynos) {
				t.Error("the entry itself was changed")
			}
		})
	}
}

func TestARouteHasPagesOfTheAppsOwn(t *testing.T) {
	for value, want := range map[cloister.Secret]string{"https://pages.test/a?b": "https://pages.test/a?b", "http://pages.test": "http://pages.test",
		"": "", "javascript:alert(1)": "", "/somewhere": "", "https://": "", "https://a b": "", "ftp://pages.test/": ""} {
		r := plan.Route(plan.RouteInput{App: cloister.App{Config: map[string]cloister.Secret{"ERROR_PAGE_URL": value}}})
		if r.ErrorPage != want || r.MaintenancePage != "" {
			t.Errorf("%q leads to %q and %q", value.Reveal(), r.ErrorPage, r.MaintenancePage)
		}
		r = plan.Route(plan.RouteInput{App: cloister.App{Config: map[string]cloister.Secret{"MAINTENANCE_PAGE_URL": value}}})
		if r.MaintenancePage != want {
			t.Errorf("%q leads to %q", value.Reveal(), r.MaintenancePage)
		}
	}
}

func TestARouteHasTheCertificatesOfItsNames(t *testing.T) {
	r := plan.Route(plan.RouteInput{Host: "app.example",
		Domains:   []cloister.Domain{{Hostname: "a.example", EndpointID: "1"}, {Hostname: "b.example"}, {Hostname: "c.example", EndpointID: "1"}},
		Endpoints: []cloister.Endpoint{{ID: "1", Served: "chain", Key: "key"}, {ID: "2", Served: "of no name"}}})
	if !slices.Equal(r.Hosts, []string{"a.example", "app.example", "b.example", "c.example"}) {
		t.Errorf("hosts %q", r.Hosts)
	}
	if len(r.Certificates) != 1 || !slices.Equal(r.Certificates[0].Names, []string{"a.example", "c.example"}) || string(r.Certificates[0].Chain) != "chain" || string(r.Certificates[0].Key) != "key" {
		t.Errorf("certificates %+v", r.Certificates)
	}
}
