package platform_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

func TestANewSpaceHasTheDefaultsOfTheContract(t *testing.T) {
	h := newHouse(t)
	s, err := h.CreateSpace(t.Context(), h.admin, platform.SpaceSpec{Name: "tower", Team: "acme"})
	must(t, err)
	same(t, []any{s.State, s.Region.Name, s.CIDR.String(), s.DataCIDR.String(), len(s.Outbound), s.Shield},
		[]any{cloister.Allocating, "virginia", "10.0.0.0/16", "172.23.0.0/20", 4, false})
	same(t, h.touched(t), []string{"space " + s.ID})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "space", ID: s.ID, Action: "create", Text: "tower"})
	_, r, err := h.Ruleset(t.Context(), h.viewer, "tower")
	must(t, err)
	same(t, []any{r.Sources, r.CreatedBy, r.Applied}, []any{cloister.Everyone(), "admin@example.com", false})
	for _, ref := range []string{"tower", "Tower", s.ID} {
		found, err := h.Space(t.Context(), h.viewer, ref)
		must(t, err)
		same(t, found, s)
	}
}

func TestSpacesThatBreakARuleAreRefused(t *testing.T) {
	h := newHouse(t)
	ok := platform.SpaceSpec{Name: "tower", Team: "acme"}
	for name, test := range map[string]struct {
		change func(s *platform.SpaceSpec)
		want   cloister.Kind
	}{
		"name":             {func(s *platform.SpaceSpec) { s.Name = "Tower" }, cloister.Invalid},
		"name in use":      {func(s *platform.SpaceSpec) { s.Name = "cellar" }, cloister.Invalid},
		"no team":          {func(s *platform.SpaceSpec) { s.Team = "" }, cloister.Invalid},
		"unknown team":     {func(s *platform.SpaceSpec) { s.Team = "nunnery" }, cloister.NotFound},
		"team of others":   {func(s *platform.SpaceSpec) { s.Team = "other" }, cloister.NotFound},
		"unknown region":   {func(s *platform.SpaceSpec) { s.Region = "atlantis" }, cloister.Invalid},
		"cidr size":        {func(s *platform.SpaceSpec) { s.CIDR = "10.0.0.0/17" }, cloister.Invalid},
		"cidr reserved":    {func(s *platform.SpaceSpec) { s.CIDR = "172.17.0.0/16" }, cloister.Invalid},
		"cidr public":      {func(s *platform.SpaceSpec) { s.CIDR = "8.8.0.0/16" }, cloister.Invalid},
		"data cidr size":   {func(s *platform.SpaceSpec) { s.DataCIDR = "172.24.0.0/24" }, cloister.Invalid},
		"data cidr inside": {func(s *platform.SpaceSpec) { s.DataCIDR = "10.0.16.0/20" }, cloister.Invalid},
		"shield":           {func(s *platform.SpaceSpec) { s.Shield = true }, cloister.Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			spec := ok
			test.change(&spec)
			before := h.by(t, h.admin)
			_, err := h.CreateSpace(t.Context(), h.admin, spec)
			wantKind(t, err, test.want)
			same(t, h.by(t, h.admin), before)
		})
	}
	_, err := h.CreateSpace(t.Context(), h.admin, ok)
	must(t, err)
}

func TestOutboundAddressesAreNeverSharedAndRunOut(t *testing.T) {
	h := newHouse(t) // the pool is a /28: fifteen addresses; cellar has four
	must(t, h.newSpace(t, "tower"))
	must(t, h.newSpace(t, "vault"))
	err := h.newSpace(t, "attic") // three are left
	wantKind(t, err, cloister.Unavailable)

	spaces, err := h.Spaces(t.Context(), h.admin)
	must(t, err)
	owner := map[netip.Addr]string{}
	for _, s := range spaces {
		same(t, len(s.Outbound), cloister.OutboundCount)
		for _, a := range s.Outbound {
			if owner[a] != "" {
				t.Errorf("%s belongs to %s and %s", a, owner[a], s.Name)
			}
			if !netip.MustParsePrefix("192.0.2.0/28").Contains(a) {
				t.Errorf("%s is not of the pool", a)
			}
			owner[a] = s.Name
		}
	}
	same(t, len(owner), 12)

	// While a space is being deleted, its addresses may still be in use.
	_, err = h.DestroySpace(t.Context(), h.admin, "tower")
	must(t, err)
	wantKind(t, h.newSpace(t, "attic"), cloister.Unavailable)
}

func TestASpaceIsRenamed(t *testing.T) {
	h := newHouse(t)
	s, err := h.RenameSpace(t.Context(), h.admin, "cellar", "crypt")
	must(t, err)
	same(t, s.Name, "crypt")
	_, err = h.Space(t.Context(), h.admin, "cellar")
	wantKind(t, err, cloister.NotFound)
	must(t, h.newSpace(t, "cellar"))
	_, err = h.RenameSpace(t.Context(), h.admin, "crypt", "cellar")
	wantKind(t, err, cloister.Invalid)
	_, err = h.RenameSpace(t.Context(), h.admin, "crypt", "no--good")
	wantKind(t, err, cloister.Invalid)
}

func TestOnlyAnEmptySpaceIsDestroyedAndThenItIsGone(t *testing.T) {
	h := newHouse(t)
	_, err := h.DestroySpace(t.Context(), h.admin, "cellar")
	wantKind(t, err, cloister.Invalid)
	_, err = h.DestroyApp(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	h.forget(t)
	s, err := h.DestroySpace(t.Context(), h.admin, "cellar")
	must(t, err)
	same(t, []any{s.State, s.Name}, []any{cloister.Deleting, "cellar"})
	same(t, h.touched(t), []string{"space " + s.ID})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "space", ID: s.ID, Action: "destroy", Text: "cellar"})
	for _, ref := range []string{"cellar", s.ID} {
		_, err = h.Space(t.Context(), h.admin, ref)
		wantKind(t, err, cloister.NotFound)
		wantKind(t, h.newApp(t, ref, "calm-gate"), cloister.NotFound)
	}
	spaces, err := h.Spaces(t.Context(), h.admin)
	must(t, err)
	same(t, len(spaces), 0)
	must(t, h.newSpace(t, "cellar")) // its name is free at once
}

func TestTrustedRangesAreReplacedAsAWhole(t *testing.T) {
	h := newHouse(t)
	s, r, err := h.SetTrusted(t.Context(), h.admin, "cellar", []string{"198.51.100.0/24", "203.0.113.7"}, nil)
	must(t, err)
	same(t, r.Sources, []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.7/32")})
	same(t, h.touched(t), []string{"space " + s.ID})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "trusted_ip", ID: s.ID, Action: "update", Text: "cellar"})
	_, _, err = h.SetTrusted(t.Context(), h.admin, "cellar", nil, nil) // nobody
	must(t, err)
	_, history, err := h.Rulesets(t.Context(), h.viewer, "cellar")
	must(t, err)
	same(t, []int{len(history), len(history[0].Sources), len(history[1].Sources), len(history[2].Sources)}, []int{3, 0, 2, 1})
}

func TestASpaceTrustsTwentyRangesAtMost(t *testing.T) {
	h := newHouse(t)
	var ranges []string
	for i := range cloister.LimitTrustedRanges.Default() {
		ranges = append(ranges, fmt.Sprintf("198.51.%d.0/24", i))
	}
	_, _, err := h.SetTrusted(t.Context(), h.admin, "cellar", ranges, nil)
	must(t, err)
	_, _, err = h.SetTrusted(t.Context(), h.admin, "cellar", append(ranges, "203.0.113.0/24"), nil)
	wantKind(t, err, cloister.Invalid)
	_, r, err := h.Ruleset(t.Context(), h.admin, "cellar")
	must(t, err)
	same(t, len(r.Sources), 20)
}

func TestTwoPeopleMustAgreeToDestroyASpace(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.twoPeople()
	_, err := h.DestroyApp(ctx, h.admin, "quiet-garth")
	must(t, err)
	_, err = h.SetMember(ctx, h.admin, "acme", h.member.User.Email, cloister.Admin)
	must(t, err)
	destroy := func(a cloister.Actor) error { _, err := h.DestroySpace(ctx, a, "cellar"); return err }

	const waits = "Two people must agree to destroy a space here. Have another administrator of acme destroy cellar too, until 2026-03-30T01:02:03Z."
	wantError(t, destroy(h.admin), cloister.Conflict, waits)
	same(t, []string{h.last(t).Action, h.last(t).Text}, []string{"ask", "that cellar be destroyed"})
	n := len(h.events(t))
	h.advance(time.Hour)
	wantError(t, destroy(h.admin), cloister.Conflict, waits) // the same one again is not another one
	same(t, len(h.events(t)), n)
	h.advance(23 * time.Hour)
	wantError(t, destroy(h.member), cloister.Conflict, "until 2026-03-31T01:02:03Z") // too late: it begins anew
	_, err = h.SetMember(ctx, h.admin, "acme", h.member.User.Email, cloister.MemberRole)
	must(t, err)
	wantKind(t, destroy(h.admin), cloister.Conflict) // who asked is no administrator any more
	_, err = h.SetMember(ctx, h.admin, "acme", h.member.User.Email, cloister.Admin)
	must(t, err)
	must(t, destroy(h.member))
	_, err = h.Space(ctx, h.admin, "cellar")
	wantKind(t, err, cloister.NotFound)
}
