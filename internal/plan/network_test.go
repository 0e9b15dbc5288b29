package plan_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
)

var (
	near = []netip.Prefix{netip.MustParsePrefix("10.0.128.0/20")}
	far  = []netip.Prefix{netip.MustParsePrefix("10.9.128.0/20")}
)

func TestTheWayOutIsPassedOn(t *testing.T) {
	target := netip.MustParsePrefix("192.0.2.0/24")
	for name, test := range map[string]struct {
		rules cloister.EgressRuleset
		want  []engine.Pass
	}{
		"never changed": {cloister.EgressRuleset{}, nil},
		"everywhere":    {cloister.EgressRuleset{ID: "1", Rules: cloister.Anywhere()}, nil},
		"nowhere":       {cloister.EgressRuleset{ID: "1"}, []engine.Pass{}},
		"some": {cloister.EgressRuleset{ID: "1", Rules: []cloister.EgressRule{{Target: target, Protocol: "tcp", From: 80, To: 443},
			{Target: target, Protocol: "icmp", From: 8, To: 8}, {Target: target, Protocol: "icmp", From: 0, To: 255},
			{Target: target, Protocol: "any", To: 65535}, {Target: target, Protocol: "50", To: 65535}}},
			[]engine.Pass{{Target: target, Protocol: 6, From: 80, To: 443}, {Target: target, Protocol: 1, From: 8, To: 8},
				{Target: target, Protocol: 1, To: 65535}, {Target: target, To: 65535}, {Target: target, Protocol: 50, To: 65535}}},
	} {
		if got := plan.Space(plan.SpaceState{Egress: test.rules}).Ensure.Egress; !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %#v", name, got)
		}
	}
}

func TestANetworkIsPlannedWithAllThatTheSpaceHas(t *testing.T) {
	s := plan.SpaceState{Mail: true, Networks: []string{"office"}, Space: cloister.Space{ID: "a", Ingress: []netip.Addr{netip.MustParseAddr("203.0.113.1")}},
		Peerings: []cloister.Peering{
			{ID: "pcx-4", SpaceID: "a", PeerID: "b", State: cloister.PeeringActive, SpaceBlocks: near, PeerBlocks: far},
			{ID: "pcx-3", SpaceID: "c", PeerID: "a", State: cloister.PeeringProvisioning, SpaceBlocks: far, PeerBlocks: near},
			{ID: "pcx-2", SpaceID: "a", Network: "office", State: cloister.PeeringActive, PeerBlocks: far},
			{ID: "pcx-1", SpaceID: "a", Network: "gone", State: cloister.PeeringActive, PeerBlocks: far},
			{ID: "pcx-5", SpaceID: "a", PeerID: "d", State: cloister.PeeringPending, PeerBlocks: far},
			{ID: "pcx-6", SpaceID: "a", PeerID: "e", State: cloister.PeeringFailed, PeerBlocks: far},
			{ID: "pcx-7", SpaceID: "a", PeerID: "f", State: cloister.PeeringDeleted, PeerBlocks: far},
		}}
	got := plan.Space(s).Ensure
	want := []engine.Peer{{ID: "pcx-2", Network: "office", Prefixes: far}, {ID: "pcx-3", Space: "c", Prefixes: far}, {ID: "pcx-4", Space: "b", Prefixes: far}}
	if !reflect.DeepEqual(got.Peers, want) || !got.Mail || !reflect.DeepEqual(got.Ingress, s.Space.Ingress) {
		t.Errorf("got %+v", got)
	}
}

func TestAPeeringIsActiveWhenBothSidesHaveIt(t *testing.T) {
	now := time.Date(2026, 3, 29, 1, 2, 3, 0, time.UTC)
	of := func(id string) plan.SpaceState {
		return plan.SpaceState{Space: cloister.Space{ID: id}, Networks: []string{"office"}}
	}
	type is struct {
		State        cloister.PeeringState
		Ready, Other bool
	}
	p := cloister.Peering{SpaceID: "a", PeerID: "b", State: cloister.PeeringProvisioning}
	for _, step := range []struct {
		by   string
		want is
	}{
		{"b", is{cloister.PeeringProvisioning, false, true}},
		{"b", is{cloister.PeeringProvisioning, false, true}}, // once more
		{"a", is{cloister.PeeringActive, true, true}},
		{"b", is{cloister.PeeringActive, true, true}},
	} {
		p = plan.Peering(of(step.by), p, now)
		if got := (is{p.State, p.Ready, p.Other}); got != step.want {
			t.Fatalf("after %s it is %+v", step.by, got)
		}
	}
	if got := plan.Peering(of("a"), cloister.Peering{SpaceID: "a", Network: "office", State: cloister.PeeringProvisioning}, now); got.State != cloister.PeeringActive {
		t.Errorf("a network, which has no other side, is %s", got.State)
	}
	gone := plan.Peering(of("a"), cloister.Peering{SpaceID: "a", Network: "lab", State: cloister.PeeringActive}, now)
	if gone.State != cloister.PeeringFailed || gone.Message != "The operator has taken the network lab away." {
		t.Errorf("a network that is gone is %+v", gone)
	}
	asked := cloister.Peering{SpaceID: "a", PeerID: "b", State: cloister.PeeringPending, ExpiresAt: now}
	if got := plan.Peering(of("a"), asked, now.Add(-1)); got.State != cloister.PeeringPending {
		t.Errorf("a request is %s", got.State)
	}
	if got := plan.Peering(of("b"), asked, now); got.State != cloister.PeeringExpired {
		t.Errorf("an old request is %s", got.State)
	}
}

func TestOnlyWhatIsNewIsBlamedForANetworkThatCannotBe(t *testing.T) {
	for state, want := range map[cloister.PeeringState]cloister.PeeringState{
		cloister.PeeringProvisioning: cloister.PeeringFailed,
		cloister.PeeringActive:       cloister.PeeringActive,
		cloister.PeeringPending:      cloister.PeeringPending,
		cloister.PeeringDeleted:      cloister.PeeringDeleted,
	} {
		if got := plan.Refused(cloister.Peering{State: state}, "because"); got.State != want || (got.Message == "because") != (want == cloister.PeeringFailed) {
			t.Errorf("%s: %+v", state, got)
		}
	}
}
