package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/platform"
)

// A picky engine does not have the interface that a network is on, or has none of its services.
type picky struct {
	engine.Engine
	noInterface, away atomic.Bool
	made              atomic.Int64 // networks
	meanwhile         func()       // happens while a network with peers is made, once
}

func (p *picky) EnsureSpace(ctx context.Context, s engine.Space) error {
	if p.away.Load() {
		return cloister.Errorf(cloister.Unavailable, "The engine is away.")
	}
	for _, x := range s.Peers {
		if x.Network != "" && p.noInterface.Load() {
			return cloister.Errorf(cloister.Unsupported, "This machine has no interface br9.")
		}
	}
	if do := p.meanwhile; do != nil && len(s.Peers) > 0 {
		p.meanwhile = nil
		do()
	}
	p.made.Add(1)
	return p.Engine.EnsureSpace(ctx, s)
}

// peered is a server with two spaces, cellar and nave, and a network of the operator's.
type peered struct {
	*server
	t      *testing.T
	picky  *picky
	office cloister.Network
	spaces map[string]cloister.Space
}

func newPeered(t *testing.T) *peered {
	s, err := newServer(t, "")
	if err != nil {
		t.Fatal(err)
	}
	p := &peered{server: s, t: t, picky: &picky{Engine: s.engine}, spaces: map[string]cloister.Space{},
		office: cloister.Network{Name: "office", Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.4.0/22")}, Spaces: []string{"acme"}}}
	t.Cleanup(func() { p.check(p.close()) })
	s.platform = platform.New(s.store, platform.Config{Networks: []cloister.Network{p.office}}, slog.New(slog.DiscardHandler))
	p.again(p.office)
	for i, name := range []string{"cellar", "nave"} {
		x, err := s.platform.CreateSpace(t.Context(), s.actor, platform.SpaceSpec{Name: name, Team: "acme", CIDR: fmt.Sprintf("10.%d.0.0/16", 8+i),
			DataCIDR: fmt.Sprintf("172.2%d.0.0/20", 3+i)})
		p.check(err)
		p.spaces[name] = x.Space
	}
	return p
}

// again begins another life of control, with these networks.
func (p *peered) again(networks ...cloister.Network) {
	p.t.Helper()
	p.check(p.stop())
	p.router.reset()
	p.control = control.New(p.store, p.picky, p.router, silence{}, nil, control.Config{Owner: "server", Networks: networks}, slog.New(slog.DiscardHandler))
	p.start()
}

// after lets time go by while nothing runs, which costs nothing, and has control look at all once.
func (p *peered) after(d time.Duration) {
	p.t.Helper()
	p.check(p.stop())
	time.Sleep(d)
	p.start()
	time.Sleep(time.Minute)
}

func (p *peered) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// becomes waits until a peering is in a state, as a space sees it.
func (p *peered) becomes(space, id string, want cloister.PeeringState) (last platform.PeeringInfo) {
	p.t.Helper()
	for deadline := time.Now().Add(15 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		_, all, err := p.platform.Peerings(p.t.Context(), p.actor, space)
		p.check(err)
		for _, x := range all {
			if last = x; x.ID == id && x.Side == want {
				return x
			}
		}
	}
	p.t.Fatalf("%s never became %s in %s, the last was %s %s", id, want, space, last.Side, last.Message)
	return last
}

// peers are those that the engine has of a space.
func (p *peered) peers(space string) (out []string) {
	s, _ := p.fake.Space(p.spaces[space].ID)
	for _, x := range s.Peers {
		out = append(out, x.Network+x.Space)
	}
	return out
}

func (p *peered) has(space string, want ...string) {
	p.t.Helper()
	for deadline := time.Now().Add(15 * time.Minute); fmt.Sprint(p.peers(space)) != fmt.Sprint(want); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s has the peers %v, not %v", space, p.peers(space), want)
		}
	}
}

func TestTwoSpacesArePeeredUntilOneEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeered(t)
		asked, err := p.platform.RequestPeering(t.Context(), p.actor, "cellar", "nave")
		p.check(err)
		p.has("cellar")
		_, err = p.platform.AcceptPeering(t.Context(), p.actor, "nave", asked.ID)
		p.check(err)
		p.becomes("cellar", asked.ID, cloister.PeeringActive)
		p.becomes("nave", asked.ID, cloister.PeeringActive)
		p.has("cellar", p.spaces["nave"].ID)
		p.has("nave", p.spaces["cellar"].ID)
		_, err = p.platform.DestroySpace(t.Context(), p.actor, "cellar")
		p.check(err)
		p.has("nave")
		p.becomes("nave", asked.ID, cloister.PeeringDeleted)
		// After a week nobody is told of it any more.
		p.after(cloister.PeeringMemory + time.Hour)
		p.has("nave")
		_, all, err := p.platform.Peerings(t.Context(), p.actor, "nave")
		p.check(err)
		if len(all) != 1 || all[0].Network != "office" {
			t.Errorf("it is not forgotten: %+v", all)
		}
	})
}

// A Step that has begun does not bring back what somebody ends before it is done.
func TestWhatIsDestroyedWhileItIsMadeStaysDestroyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeered(t)
		asked, err := p.platform.RequestPeering(t.Context(), p.actor, "cellar", "nave")
		p.check(err)
		time.Sleep(time.Minute)
		p.picky.meanwhile = func() {
			if _, err := p.platform.DestroyPeering(t.Context(), p.actor, "cellar", asked.ID); err != nil {
				t.Error(err)
			}
		}
		_, err = p.platform.AcceptPeering(t.Context(), p.actor, "nave", asked.ID)
		p.check(err)
		time.Sleep(time.Minute)
		if got := p.becomes("nave", asked.ID, cloister.PeeringDeleted); got.Ready || got.Other {
			t.Errorf("a Step has written to it: %+v", got.Peering)
		}
		p.has("cellar")
		p.has("nave")
	})
}

func TestARequestThatNobodyAcceptsExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeered(t)
		asked, err := p.platform.RequestPeering(t.Context(), p.actor, "cellar", "nave")
		p.check(err)
		p.after(cloister.PeeringPatience + time.Hour)
		if got := p.becomes("cellar", asked.ID, cloister.PeeringExpired); got.State != cloister.PeeringExpired {
			t.Errorf("nobody has recorded it: %s", got.State)
		}
	})
}

func TestAPeeringFailsForTheEnginesReasonAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeered(t)
		offer := p.office.Offer(p.spaces["cellar"]).ID
		time.Sleep(time.Minute)
		p.picky.noInterface.Store(true)
		made := p.picky.made.Load()
		_, err := p.platform.AcceptPeering(t.Context(), p.actor, "cellar", offer)
		p.check(err)
		if got := p.becomes("cellar", offer, cloister.PeeringFailed); got.Message != "This machine has no interface br9." {
			t.Errorf("the reason is %q", got.Message)
		}
		p.has("cellar")
		// The space itself goes on: its network is made without the peer, and what else changes comes into force.
		time.Sleep(time.Second)
		if p.picky.made.Load() == made {
			t.Error("the network was not made without it")
		}
		_, rules, err := p.platform.SetTrusted(t.Context(), p.actor, "cellar", []string{"192.0.2.0/24"}, nil)
		p.check(err)
		time.Sleep(time.Minute)
		if _, now, err := p.platform.Ruleset(t.Context(), p.actor, "cellar"); err != nil || now.ID != rules.ID || !now.Applied {
			t.Errorf("trusted ranges: %+v, %v", now, err)
		}
		// An engine that is away is no reason.
		p.picky.noInterface.Store(false)
		p.picky.away.Store(true)
		_, err = p.platform.AcceptPeering(t.Context(), p.actor, "cellar", offer)
		p.check(err)
		time.Sleep(5 * time.Minute)
		p.becomes("cellar", offer, cloister.PeeringProvisioning)
		p.picky.away.Store(false)
		p.becomes("cellar", offer, cloister.PeeringActive)
		p.has("cellar", "office")
		// Nor does a space suffer when the operator takes the network away.
		p.again()
		if got := p.becomes("cellar", offer, cloister.PeeringFailed); got.Message != "The operator has taken the network office away." {
			t.Errorf("the reason is %q", got.Message)
		}
		p.has("cellar")
	})
}

func TestRulesOfTheWayOutAreAppliedWhenTheEngineHasThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeered(t)
		p.picky.away.Store(true)
		_, rules, err := p.platform.SetEgress(t.Context(), p.actor, "cellar",
			[]cloister.EgressSpec{{Target: "192.0.2.0/24", Protocol: "tcp", From: 443, To: 443}}, nil)
		p.check(err)
		applied := func() bool {
			_, now, err := p.platform.EgressRuleset(t.Context(), p.actor, "cellar")
			p.check(err)
			return now.ID == rules.ID && now.Applied
		}
		time.Sleep(5 * time.Minute)
		if applied() {
			t.Error("it is said to be in force while the engine is away")
		}
		p.picky.away.Store(false)
		time.Sleep(5 * time.Minute)
		s, _ := p.fake.Space(p.spaces["cellar"].ID)
		if !applied() || len(s.Egress) != 1 || s.Egress[0].Protocol != 6 {
			t.Errorf("applied: %v, the engine has %+v", applied(), s.Egress)
		}
	})
}
