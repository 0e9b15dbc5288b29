package cloister_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestNamesInsideASpace(t *testing.T) {
	a := cloister.App{Name: "my-app"}
	for got, want := range map[string]string{
		a.LocalName():                    "my-app.app.localspace",
		a.FormationName("web"):           "web.my-app.app.localspace",
		a.FormationName("Consul_Server"): "consul_server.my-app.app.localspace",
		a.DynoName("web", 12):            "12.web.my-app.app.localspace",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestOnlyDynosThatAreUpAreNamed(t *testing.T) {
	up := cloister.Dyno{State: cloister.DynoUp, Address: netip.MustParseAddr("10.0.128.1")}
	starting, retired, nowhere := up, up, up
	starting.State, retired.RetireAt, nowhere.Address = cloister.DynoStarting, time.Unix(1, 0), netip.Addr{}
	if !up.Named() {
		t.Error("a dyno that is up has no name")
	}
	for _, d := range []cloister.Dyno{starting, retired, nowhere} {
		if d.Named() {
			t.Errorf("%+v is named", d)
		}
	}
}

func TestTheRouterInsideASpaceIsNobodyElse(t *testing.T) {
	for cidr, want := range map[string]string{"10.0.0.0/16": "10.0.0.10", "172.16.0.0/16": "172.16.0.10", "192.168.0.0/16": "192.168.0.10"} {
		s := cloister.Space{CIDR: netip.MustParsePrefix(cidr)}
		if got := s.Internal().String(); got != want {
			t.Errorf("in %s it is %s, want %s", cidr, got, want)
		}
	}
}
