package platform_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// Of those who change what all have read, and say so, one wins; who does not say so wins whole. The history has both.
func TestOfTwoWhoChangeRulesAtOnceOneIsTold(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, read, err := h.Ruleset(ctx, h.admin, "cellar")
	must(t, err)
	expected := func(_ platform.SpaceInfo, now cloister.Ruleset) bool { return now.ID == read.ID }
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, _, errs[i] = h.SetTrusted(ctx, h.admin, "cellar", []string{fmt.Sprintf("198.51.100.%d", i)}, expected)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantError(t, err, cloister.Precondition, "The trusted IP ranges of cellar are no longer those that you have read: admin@example.com changed them last.")
	}
	_, history, err := h.Rulesets(ctx, h.admin, "cellar")
	must(t, err)
	same(t, []int{won, len(history)}, []int{1, 2})

	for i := range errs {
		wg.Go(func() {
			_, _, errs[i] = h.SetTrusted(ctx, h.admin, "cellar", []string{fmt.Sprintf("198.51.100.%d", i)}, nil)
		})
	}
	wg.Wait()
	for _, err := range errs {
		must(t, err)
	}
	_, history, err = h.Rulesets(ctx, h.admin, "cellar")
	must(t, err)
	same(t, []int{len(history), len(history[0].Sources)}, []int{10, 1})
}

func TestARefusedSetOfRangesChangesNothing(t *testing.T) {
	h := newHouse(t)
	h.forget(t)
	before := len(h.events(t))
	for _, sources := range [][]string{{"office"}, {"192.0.2.0/24", "192.0.2.0/25"}, {"192.0.2.1/24"}, {"::ffff:192.0.2.0/120"}} {
		_, _, err := h.SetTrusted(t.Context(), h.admin, "cellar", sources, nil)
		wantKind(t, err, cloister.Invalid)
		_, _, err = h.RehearseTrusted(t.Context(), h.admin, "cellar", sources)
		wantKind(t, err, cloister.Invalid)
	}
	_, _, err := h.SetEgress(t.Context(), h.admin, "cellar", []cloister.EgressSpec{{Target: "10.0.0.0/8", Protocol: "any", To: 65535}}, nil)
	wantKind(t, err, cloister.Invalid)
	h.looks(t)
	same(t, len(h.events(t)), before)
}

func TestARehearsalSaysWhatItKnows(t *testing.T) {
	h := newHouse(t)
	at := h.clock()
	h.clients[h.cellar.ID] = []cloister.Client{
		{Address: netip.MustParseAddr("203.0.113.9"), First: at.Add(time.Hour)},
		{Address: netip.MustParseAddr("192.0.2.7"), First: at},
		{Address: netip.MustParseAddr("2001:db8::1"), First: at.Add(time.Minute)},
		{Address: netip.MustParseAddr("203.0.113.8"), First: at.Add(time.Hour)}}
	got, known, err := h.RehearseTrusted(t.Context(), h.admin, "cellar", []string{"192.0.2.0/24"})
	must(t, err)
	var cut []string
	for _, c := range got.Cut {
		cut = append(cut, c.Address.String())
	}
	same(t, []any{known, got.Kept, got.Since, cut}, []any{true, 1, at, []string{"203.0.113.8", "203.0.113.9", "2001:db8::1"}})
	forgetful := platform.New(h.store, platform.Config{}, nil)
	_, known, err = forgetful.RehearseTrusted(t.Context(), h.admin, "cellar", nil)
	must(t, err)
	same(t, known, false)
}

func TestTheWayOutIsReplacedAsAWhole(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.forget(t)
	s, first, err := h.EgressRuleset(ctx, h.viewer, "cellar")
	must(t, err)
	same(t, []any{first.Rules, first.Applied, first.CreatedAt}, []any{cloister.Anywhere(), true, s.CreatedAt})
	isFirst := func(_ platform.SpaceInfo, now cloister.EgressRuleset) bool { return now.ID == first.ID }
	rules := []cloister.EgressSpec{{Target: "198.51.100.0/24", Protocol: "tcp", From: 443, To: 443}}
	_, r, err := h.SetEgress(ctx, h.admin, "cellar", rules, isFirst)
	must(t, err)
	same(t, []any{len(r.Rules), r.CreatedBy, r.Applied}, []any{1, "admin@example.com", false})
	h.looks(t, h.cellar)
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "outbound_rule", ID: s.ID, Action: "update", Text: "cellar"})
	_, _, err = h.SetEgress(ctx, h.admin, "cellar", nil, isFirst)
	wantError(t, err, cloister.Precondition, "The outbound rules of cellar are no longer those that you have read: admin@example.com")
	_, _, err = h.SetEgress(ctx, h.admin, "cellar", nil, nil) // nowhere
	must(t, err)
	_, all, err := h.EgressRulesets(ctx, h.viewer, "cellar")
	must(t, err)
	same(t, []int{len(all), len(all[0].Rules), len(all[1].Rules), len(all[2].Rules)}, []int{3, 0, 1, 1})
	same(t, all[2].ID, first.ID)
}

func TestIngressAddressesComeFromThePool(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	pool := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/30"), netip.MustParsePrefix("2001:db8::/64")}
	p := platform.New(h.store, platform.Config{IngressPool: pool}, nil)
	make := func(name string) (platform.SpaceInfo, error) {
		return p.CreateSpace(ctx, h.admin, platform.SpaceSpec{Name: name, Team: "acme"})
	}
	text := func(s platform.SpaceInfo) string { return fmt.Sprint(s.Ingress) }
	a, err := make("attic")
	must(t, err)
	b, err := make("tower")
	must(t, err)
	same(t, []string{text(a), text(b)}, []string{"[203.0.113.1 2001:db8::1]", "[203.0.113.2 2001:db8::2]"})
	_, err = make("vault")
	wantError(t, err, cloister.Unavailable, "The pool of ingress addresses 203.0.113.0/30 is used up.")
	// It is free again once the network of a space has gone, and not before.
	_, err = p.DestroySpace(ctx, h.admin, "attic")
	must(t, err)
	_, err = make("vault")
	wantKind(t, err, cloister.Unavailable)
	h.update(t, func(tx *store.Tx) error { return tx.DeleteSpace(a.ID) })
	c, err := make("vault")
	must(t, err)
	same(t, text(c), "[203.0.113.1 2001:db8::1]")
}

func TestSpacesThatAreThereAlreadyGetIngressAddresses(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.abroad(t)
	gone, err := h.CreateSpace(ctx, h.admin, platform.SpaceSpec{Name: "attic", Team: "acme"})
	must(t, err)
	_, err = h.DestroySpace(ctx, h.admin, "attic")
	must(t, err)
	ingress := func(id string) string {
		var s cloister.Space
		h.update(t, func(tx *store.Tx) (err error) { s, err = tx.Space(id); return err })
		return fmt.Sprint(s.Ingress)
	}
	h.forget(t)
	must(t, platform.GiveIngress(ctx, h.store, nil))
	h.looks(t)
	four, six := netip.MustParsePrefix("203.0.113.0/28"), netip.MustParsePrefix("2001:db8::/64")
	must(t, platform.GiveIngress(ctx, h.store, []netip.Prefix{four}))
	h.looks(t, h.cellar, h.foreign)
	same(t, []string{ingress(h.cellar.ID), ingress(h.foreign.ID), ingress(gone.ID)}, []string{"[203.0.113.1]", "[203.0.113.2]", "[]"})
	h.forget(t)
	for range 2 { // another family comes to what a space has, once
		must(t, platform.GiveIngress(ctx, h.store, []netip.Prefix{four, six}))
	}
	same(t, []string{ingress(h.cellar.ID), ingress(h.foreign.ID)}, []string{"[203.0.113.1 2001:db8::1]", "[203.0.113.2 2001:db8::2]"})
}
