package platform_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// sees is how far each peering of a space is, as an actor sees it, by who is on the other side.
func (h *house) sees(t *testing.T, a cloister.Actor, space string) map[string]cloister.PeeringState {
	t.Helper()
	_, all, err := h.Peerings(t.Context(), a, space)
	must(t, err)
	out := map[string]cloister.PeeringState{}
	for _, p := range all {
		name := p.Network
		if p.Peer != nil {
			name = p.Peer.Name
		}
		out[name] = p.Side
	}
	return out
}

// looks is whether control is to look at just these spaces, and at nothing else.
func (h *house) looks(t *testing.T, at ...cloister.Space) {
	t.Helper()
	var want []string
	for _, s := range at {
		want = append(want, "space "+s.ID)
	}
	got := h.touched(t)
	slices.Sort(got)
	slices.Sort(want)
	same(t, got, want)
}

func (h *house) state(t *testing.T, id string, s cloister.PeeringState) {
	t.Helper()
	h.update(t, func(tx *store.Tx) error {
		p, err := tx.Peering(id)
		if err != nil {
			return err
		}
		p.State = s
		return tx.SetPeering(p)
	})
}

func TestAPeeringIsAskedForAcceptedAndDestroyed(t *testing.T) {
	h := newHouse(t)
	h.abroad(t)
	ctx := t.Context()
	h.forget(t)
	asked, err := h.RequestPeering(ctx, h.admin, "cellar", h.foreign.VPCID())
	must(t, err)
	same(t, []any{asked.Side, asked.Peer.Name, asked.ExpiresAt}, []any{cloister.PeeringInitiating, "nave", h.clock().Add(7 * 24 * time.Hour)})
	same(t, h.sees(t, h.member, "cellar"), map[string]cloister.PeeringState{"nave": cloister.PeeringInitiating, "office": cloister.PeeringPending})
	same(t, h.sees(t, h.stranger, "nave"), map[string]cloister.PeeringState{"cellar": cloister.PeeringPending})
	h.looks(t) // nothing is to be done yet

	// Only an admin of the team that was asked can accept it.
	_, err = h.AcceptPeering(ctx, h.admin, "cellar", asked.ID)
	wantError(t, err, cloister.Invalid, "Space cellar asked for this peering itself.")
	_, err = h.AcceptPeering(ctx, h.admin, "nave", asked.ID)
	wantError(t, err, cloister.NotFound, "Couldn't find that space.")
	_, err = h.RequestPeering(ctx, h.stranger, "nave", h.cellar.VPCID())
	wantError(t, err, cloister.Invalid, "That space has asked for this peering already. Accept "+asked.ID+".")
	_, err = h.RequestPeering(ctx, h.admin, "cellar", h.foreign.VPCID())
	wantError(t, err, cloister.Invalid, "This peering was asked for already: "+asked.ID+".")

	for range 2 { // accepting twice is accepting once
		accepted, err := h.AcceptPeering(ctx, h.stranger, "nave", asked.ID)
		must(t, err)
		same(t, accepted.Side, cloister.PeeringProvisioning)
	}
	h.looks(t, h.cellar, h.foreign)
	h.state(t, asked.ID, cloister.PeeringActive)
	_, err = h.RequestPeering(ctx, h.admin, "cellar", h.foreign.VPCID())
	wantError(t, err, cloister.Invalid, "The two spaces are peered already: "+asked.ID+" is active.")

	h.forget(t)
	gone, err := h.DestroyPeering(ctx, h.admin, "cellar", asked.ID)
	must(t, err)
	same(t, gone.Side, cloister.PeeringDeleted)
	h.looks(t, h.cellar, h.foreign)
	same(t, h.sees(t, h.stranger, "nave")["cellar"], cloister.PeeringDeleted)
	_, err = h.AcceptPeering(ctx, h.stranger, "nave", asked.ID)
	wantError(t, err, cloister.Invalid, "This peering is deleted. Ask for a new one.")
	_, err = h.RequestPeering(ctx, h.stranger, "nave", h.cellar.VPCID()) // now the other way round
	must(t, err)
}

func TestARequestIsTurnedDownTakenBackOrExpires(t *testing.T) {
	h := newHouse(t)
	h.abroad(t)
	ctx := t.Context()
	ask := func() string {
		p, err := h.RequestPeering(ctx, h.admin, "cellar", h.foreign.VPCID())
		must(t, err)
		return p.ID
	}
	down, err := h.DestroyPeering(ctx, h.stranger, "nave", ask())
	must(t, err)
	same(t, down.Side, cloister.PeeringRejected)
	back, err := h.DestroyPeering(ctx, h.admin, "cellar", ask())
	must(t, err)
	same(t, back.Side, cloister.PeeringDeleted)

	id := ask()
	h.advance(cloister.PeeringPatience)
	_, err = h.AcceptPeering(ctx, h.stranger, "nave", id)
	wantError(t, err, cloister.Invalid, "This peering is expired. Ask for a new one.")
	id = ask() // which is how
	_, err = h.AcceptPeering(ctx, h.stranger, "nave", id)
	must(t, err)
}

func TestOnlyWhoWasToldOfAForeignSpaceCanAskIt(t *testing.T) {
	h := newHouse(t)
	h.abroad(t)
	for _, ref := range []string{"nave", h.foreign.ID, "vpc-0123456789abcdef0", ""} {
		_, err := h.RequestPeering(t.Context(), h.admin, "cellar", ref)
		wantError(t, err, cloister.NotFound, "Couldn't find that space.")
	}
	_, err := h.RequestPeering(t.Context(), h.admin, "cellar", h.cellar.VPCID())
	wantError(t, err, cloister.Invalid, "Space cellar cannot be peered with itself.")
	_, err = h.DestroySpace(t.Context(), h.stranger, "nave")
	must(t, err)
	_, err = h.RequestPeering(t.Context(), h.admin, "cellar", h.foreign.VPCID())
	wantError(t, err, cloister.NotFound, "Couldn't find that space.")
}

func TestAPeeringThatCannotBeIsRefusedAndChangesNothing(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.update(t, func(tx *store.Tx) error { // not by CreateSpace, which would use up the pool
		for name, cidrs := range map[string][2]string{"twin": {"10.0.0.0/16", "172.24.0.0/20"}, "on-data": {"172.23.0.0/16", "172.24.0.0/20"}} {
			s := h.cellar
			s.ID, s.Name, s.Outbound = cloister.NewID(), name, nil
			s.CIDR, s.DataCIDR = netip.MustParsePrefix(cidrs[0]), netip.MustParsePrefix(cidrs[1])
			if err := tx.InsertSpace(s); err != nil {
				return err
			}
		}
		for i := range 6 {
			s := h.cellar
			s.ID, s.Name, s.Outbound, s.CIDR = cloister.NewID(), fmt.Sprint("cell-", i), nil, netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", 10+i))
			if err := tx.InsertSpace(s); err != nil {
				return err
			}
		}
		return nil
	})
	h.forget(t)
	before := len(h.events(t))
	for other, want := range map[string]string{
		"twin":    "The network 10.0.128.0/20 of the peer overlaps 10.0.0.0/16, that of space cellar.",
		"on-data": "overlaps 172.23.0.0/20, which is not available in space cellar.",
	} {
		_, err := h.RequestPeering(ctx, h.admin, "cellar", other)
		wantError(t, err, cloister.Invalid, want)
	}
	same(t, len(h.events(t)), before)
	h.looks(t)
	for i := range 5 {
		_, err := h.RequestPeering(ctx, h.admin, "cellar", fmt.Sprint("cell-", i))
		must(t, err)
	}
	before = len(h.events(t))
	_, err := h.RequestPeering(ctx, h.admin, "cellar", "cell-5")
	wantError(t, err, cloister.Invalid, "Space cellar has 5 peerings, and would have 6; the limit is 5.")
	_, err = h.AcceptPeering(ctx, h.admin, "cellar", h.office.Offer(h.cellar).ID)
	wantError(t, err, cloister.Invalid, "Space cellar has 5 peerings, and would have 6; the limit is 5.")
	// Being asked does not use up anything of who is asked.
	_, err = h.RequestPeering(ctx, h.admin, "cell-5", "cell-0")
	must(t, err)
	same(t, len(h.events(t)), before+1)
}

// What was possible when it was asked for may not be when it is accepted.
func TestAPeeringIsJudgedAgainWhenItIsAccepted(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	n := cloister.Network{Name: "wide", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}, Spaces: []string{"acme"}}
	p := platform.New(h.store, platform.Config{Networks: []cloister.Network{h.office, n}}, nil)
	h.abroad(t)
	asked, err := h.RequestPeering(ctx, h.stranger, "nave", h.cellar.VPCID())
	must(t, err)
	_, err = p.AcceptPeering(ctx, h.admin, "cellar", n.Offer(h.cellar).ID)
	must(t, err)
	_, err = p.AcceptPeering(ctx, h.admin, "cellar", asked.ID)
	wantError(t, err, cloister.Invalid, "overlaps 10.9.0.0/16, which is not available in space cellar.")
	_, err = p.DestroyPeering(ctx, h.admin, "cellar", n.Offer(h.cellar).ID)
	must(t, err)
	_, err = p.AcceptPeering(ctx, h.admin, "cellar", asked.ID)
	must(t, err)
}

// Nor may the side that asked have taken up the other's addresses meanwhile.
func TestBothSidesAreJudgedWhenAPeeringIsAccepted(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	n := cloister.Network{Name: "like-cellar", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, Spaces: []string{"nave"}}
	p := platform.New(h.store, platform.Config{Networks: []cloister.Network{n}}, nil)
	h.abroad(t)
	asked, err := h.RequestPeering(ctx, h.stranger, "nave", h.cellar.VPCID())
	must(t, err)
	_, err = p.AcceptPeering(ctx, h.stranger, "nave", n.Offer(h.foreign).ID)
	must(t, err)
	_, err = p.AcceptPeering(ctx, h.admin, "cellar", asked.ID)
	wantError(t, err, cloister.Invalid, "overlaps 10.0.0.0/16, which is not available in space nave.")
	same(t, h.sees(t, h.admin, "cellar")["nave"], cloister.PeeringPending)
}

func TestAPeeringOfOthersIsNobodysElse(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.abroad(t)
	asked, err := h.RequestPeering(ctx, h.stranger, "nave", h.cellar.VPCID())
	must(t, err)
	h.update(t, func(tx *store.Tx) error {
		s := h.cellar
		s.ID, s.Name, s.Outbound, s.CIDR = cloister.NewID(), "attic", nil, netip.MustParsePrefix("10.8.0.0/16")
		return tx.InsertSpace(s)
	})
	_, err = h.AcceptPeering(ctx, h.admin, "attic", asked.ID)
	wantError(t, err, cloister.NotFound, "Couldn't find that peering.")
	_, err = h.DestroyPeering(ctx, h.admin, "attic", asked.ID)
	wantError(t, err, cloister.NotFound, "Couldn't find that peering.")
	same(t, h.sees(t, h.admin, "attic"), map[string]cloister.PeeringState{"office": cloister.PeeringPending})
	same(t, h.sees(t, h.admin, "cellar")["nave"], cloister.PeeringPending)
}

func TestANetworkIsOnOfferForThoseItIsMeantFor(t *testing.T) {
	h := newHouse(t)
	h.abroad(t)
	ctx := t.Context()
	offer := h.office.Offer(h.cellar).ID
	same(t, h.sees(t, h.stranger, "nave"), map[string]cloister.PeeringState{})
	_, err := h.AcceptPeering(ctx, h.stranger, "nave", h.office.Offer(h.foreign).ID)
	wantError(t, err, cloister.NotFound, "Couldn't find that peering.")
	_, err = h.AcceptPeering(ctx, h.stranger, "nave", offer)
	wantError(t, err, cloister.NotFound, "Couldn't find that peering.")
	_, err = h.DestroyPeering(ctx, h.admin, "cellar", offer)
	wantError(t, err, cloister.Invalid, "There is nothing to destroy")
	_, err = h.DestroyPeering(ctx, h.admin, "cellar", h.cellar.DataPeeringID())
	wantError(t, err, cloister.Invalid, "is the platform's")

	h.forget(t)
	p, err := h.AcceptPeering(ctx, h.admin, "cellar", offer)
	must(t, err)
	same(t, []any{p.Side, p.PeerBlocks}, []any{cloister.PeeringProvisioning, h.office.Prefixes})
	h.looks(t, h.cellar)

	h.state(t, offer, cloister.PeeringFailed) // it can be tried again
	same(t, h.sees(t, h.admin, "cellar"), map[string]cloister.PeeringState{"office": cloister.PeeringFailed})
	_, err = h.AcceptPeering(ctx, h.admin, "cellar", offer)
	must(t, err)

	p, err = h.DestroyPeering(ctx, h.admin, "cellar", offer)
	must(t, err)
	same(t, p.Side, cloister.PeeringDeleted)
	same(t, h.sees(t, h.admin, "cellar"), map[string]cloister.PeeringState{"office": cloister.PeeringPending}) // on offer again
}

func TestASpaceThatGoesEndsItsPeerings(t *testing.T) {
	h := newHouse(t)
	h.abroad(t)
	ctx := t.Context()
	asked, err := h.RequestPeering(ctx, h.admin, "cellar", h.foreign.VPCID())
	must(t, err)
	_, err = h.AcceptPeering(ctx, h.stranger, "nave", asked.ID)
	must(t, err)
	_, err = h.AcceptPeering(ctx, h.admin, "cellar", h.office.Offer(h.cellar).ID)
	must(t, err)
	_, err = h.DestroyApp(ctx, h.admin, "quiet-garth")
	must(t, err)
	h.forget(t)
	_, err = h.DestroySpace(ctx, h.admin, "cellar")
	must(t, err)
	h.looks(t, h.cellar, h.foreign)
	_, all, err := h.Peerings(ctx, h.stranger, "nave")
	must(t, err)
	same(t, []any{len(all), all[0].Side, all[0].Peer == nil}, []any{1, cloister.PeeringDeleted, true})
}

func wantError(t *testing.T, err error, kind cloister.Kind, text string) {
	t.Helper()
	if cloister.KindOf(err) != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v (%s), want %s: %q", err, cloister.KindOf(err), kind, text)
	}
}
