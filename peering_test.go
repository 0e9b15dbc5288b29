package cloister_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func sprint(v ...any) string { return strings.TrimSuffix(fmt.Sprintln(v...), "\n") }

func prefixes(of ...string) (out []netip.Prefix) {
	for _, s := range of {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestSubnetsOfASpace(t *testing.T) {
	s := cloister.Space{CIDR: netip.MustParsePrefix("172.20.0.0/16")}
	if got, want := s.Routable(), prefixes("172.20.128.0/20", "172.20.144.0/20", "172.20.160.0/20", "172.20.0.0/20", "172.20.16.0/20", "172.20.32.0/20"); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestCanPeer(t *testing.T) {
	s := cloister.Space{ID: "s", Name: "cellar", CIDR: netip.MustParsePrefix("10.0.0.0/16"), DataCIDR: netip.MustParsePrefix("172.23.0.0/20")}
	peers := []cloister.Peering{
		{SpaceID: "s", PeerID: "a", State: cloister.PeeringActive, PeerBlocks: prefixes("10.5.0.0/16")},
		{SpaceID: "b", PeerID: "s", State: cloister.PeeringProvisioning, SpaceBlocks: prefixes("10.6.0.0/16"), PeerBlocks: prefixes("10.0.128.0/20")},
		{SpaceID: "c", PeerID: "s", State: cloister.PeeringPending, SpaceBlocks: prefixes("10.7.0.0/16")},
		{SpaceID: "s", PeerID: "d", State: cloister.PeeringDeleted, PeerBlocks: prefixes("10.8.0.0/16")},
	}
	for blocks, want := range map[string]string{
		"10.9.128.0/20":                "",
		"10.7.0.0/16":                  "", // only asked for
		"10.8.0.0/16":                  "", // gone
		"192.168.0.0/16 172.24.0.0/20": "",
		"10.0.64.0/20":                 "The network 10.0.64.0/20 of the peer overlaps 10.0.0.0/16, that of space cellar.",
		"10.9.0.0/16 10.0.0.0/8":       "The network 10.0.0.0/8 of the peer overlaps 10.0.0.0/16",
		"172.23.8.0/24":                "overlaps 172.23.0.0/20, which is not available in space cellar.",
		"172.17.4.0/24":                "overlaps 172.17.0.0/16, which is not available",
		"10.1.0.0/16":                  "overlaps 10.1.0.0/16, which is not available",
		"10.5.1.0/24":                  "overlaps 10.5.0.0/16, which is not available",
		"10.6.1.0/24":                  "overlaps 10.6.0.0/16, which is not available",
		"192.0.2.0/24":                 "The network 192.0.2.0/24 of the peer is not private.",
		"192.0.0.0/8":                  "The network 192.0.0.0/8 of the peer is not private.",
		"fd00::/64":                    "The network fd00::/64 of the peer is not private.",
	} {
		err := cloister.CanPeer(s, nil, peers, prefixes(strings.Fields(blocks)...))
		if want == "" && err != nil || want != "" && (cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", blocks, err, want)
		}
	}
	for range 3 { // what is asked of a space does not count, what it asks for does
		peers = append(peers, cloister.Peering{SpaceID: "x", PeerID: "s", State: cloister.PeeringPending})
		if err := cloister.CanPeer(s, nil, peers, prefixes("10.9.0.0/16")); err != nil {
			t.Fatal(err)
		}
		peers = append(peers, cloister.Peering{SpaceID: "s", PeerID: "y", State: cloister.PeeringPending})
	}
	if err := cloister.CanPeer(s, nil, peers, prefixes("10.9.0.0/16")); err == nil || err.Error() != "Space cellar has 5 peerings, and would have 6; the limit is 5. Destroy one, or ask an operator of this installation to raise it: `cloister limits:set peerings=6 --space cellar`." {
		t.Error(err)
	}
}

func TestEachSideSeesAPeeringInItsOwnWay(t *testing.T) {
	now := time.Date(2026, 3, 29, 1, 2, 3, 0, time.UTC)
	between := cloister.Peering{SpaceID: "a", PeerID: "b", SpaceBlocks: prefixes("10.1.0.0/20"), PeerBlocks: prefixes("10.2.0.0/20"), State: cloister.PeeringPending, ExpiresAt: now.Add(time.Hour)}
	for at, want := range map[time.Time][2]cloister.PeeringState{
		now:                    {cloister.PeeringInitiating, cloister.PeeringPending},
		now.Add(time.Hour - 1): {cloister.PeeringInitiating, cloister.PeeringPending},
		now.Add(time.Hour):     {cloister.PeeringExpired, cloister.PeeringExpired},
	} {
		if got := [2]cloister.PeeringState{between.StateFor("a", at), between.StateFor("b", at)}; got != want {
			t.Errorf("at %s: %v", at, got)
		}
	}
	if id, blocks := between.Across("a"); id != "b" || blocks[0].String() != "10.2.0.0/20" {
		t.Error(id, blocks)
	}
	if id, blocks := between.Across("b"); id != "a" || blocks[0].String() != "10.1.0.0/20" {
		t.Error(id, blocks)
	}
	between.State = cloister.PeeringActive
	if got := between.StateFor("a", now.Add(time.Hour*100)); got != cloister.PeeringActive {
		t.Errorf("what is active expires: %s", got)
	}
}

func TestAnOfferIsAlwaysTheSame(t *testing.T) {
	n := cloister.Network{Name: "office", Prefixes: prefixes("192.168.4.0/22"), Spaces: []string{"cellar", "ops"}}
	s := cloister.Space{ID: "1", Name: "cellar", CIDR: cloister.DefaultCIDR}
	offer := n.Offer(s)
	if other := n.Offer(cloister.Space{ID: "2", CIDR: cloister.DefaultCIDR}); offer.ID != n.Offer(s).ID || offer.ID == other.ID {
		t.Error(offer.ID, other.ID)
	}
	if got := offer.StateFor("1", time.Now()); got != cloister.PeeringPending {
		t.Errorf("it is %s", got)
	}
	if !n.For(s, cloister.Team{Name: "acme"}) || !n.For(cloister.Space{Name: "attic"}, cloister.Team{Name: "ops"}) || n.For(cloister.Space{Name: "attic"}, cloister.Team{Name: "acme"}) {
		t.Error("it is there for others than those that are named")
	}
	ids := regexp.MustCompile(`^(pcx|vpc)-[0-9a-f]{17}$`)
	seen := map[string]bool{}
	for _, id := range []string{offer.ID, cloister.NewPeeringID(), cloister.NewPeeringID(), s.DataPeeringID(), s.VPCID(), s.DataVPCID(), n.VPCID()} {
		if !ids.MatchString(id) || seen[id] {
			t.Error(id)
		}
		seen[id] = true
	}
}

func TestPickIngress(t *testing.T) {
	used := map[netip.Addr]bool{netip.MustParseAddr("192.0.2.1"): true, netip.MustParseAddr("2001:db8::1"): true}
	for pool, want := range map[string]string{
		"":                             "[]",
		"192.0.2.0/29":                 "[192.0.2.2]", // not the network's own
		"192.0.2.0/30":                 "[192.0.2.2]",
		"192.0.2.1/32 198.51.100.7/32": "[198.51.100.7]",
		"192.0.2.0/31":                 "[192.0.2.0]",
		"2001:db8::/64 192.0.2.0/29":   "[192.0.2.2 2001:db8::2]",
		"2001:db8::/64":                "[2001:db8::2]",
		"192.0.2.1/32":                 "The pool of ingress addresses 192.0.2.1/32 is used up.",
		"192.0.2.1/32 2001:db8::/64":   "The pool of ingress addresses 192.0.2.1/32 is used up.",
		"192.0.2.4/30 198.51.100.0/29": "[192.0.2.5]",
	} {
		got, err := cloister.PickIngress(prefixes(strings.Fields(pool)...), used)
		if said := fmt.Sprint(got); err != nil && !strings.HasPrefix(err.Error(), want) || err == nil && said != want {
			t.Errorf("%s: %v, %v", pool, got, err)
		}
	}
}
