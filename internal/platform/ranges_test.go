package platform_test

import (
	"net/netip"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestATeamIsUsedFromItsRangesAlone(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	inside, outside := h.admin, h.admin
	inside.From, outside.From = "192.0.2.7", "198.51.100.1"
	got, err := h.SetTeamRanges(ctx, inside, "acme", []string{"192.0.2.0/24", "2001:db8::/32"})
	must(t, err)
	same(t, got.Trusted, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")})
	all := h.events(t)
	same(t, string(all[len(all)-1].Changes), `{"trusted":[null,["192.0.2.0/24","2001:db8::/32"]]}`)

	_, err = h.Space(ctx, outside, "cellar")
	wantError(t, err, cloister.Forbidden, "The team acme does not let its people in from 198.51.100.1. Come from a network that it trusts, or ask an operator to clear its trusted ranges.")
	same(t, h.last(t).Action, "refuse")
	_, err = h.SetConfig(ctx, outside, "quiet-garth", nil)
	wantKind(t, err, cloister.Forbidden)
	_, err = h.SetTeamRanges(ctx, outside, "acme", nil)
	wantKind(t, err, cloister.Forbidden)
	collaborator := h.deploys // of no team
	collaborator.From = outside.From
	_, err = h.Config(ctx, collaborator, "quiet-garth")
	wantKind(t, err, cloister.Forbidden)
	stranger := h.stranger // learns nothing by it
	stranger.From = outside.From
	_, err = h.Space(ctx, stranger, "cellar")
	wantKind(t, err, cloister.NotFound)

	for _, a := range []cloister.Actor{inside, outside} {
		want := 1
		if a.From == outside.From {
			want = 0
		}
		spaces, err := h.Spaces(ctx, a)
		must(t, err)
		apps, err := h.Apps(ctx, a, "", "")
		must(t, err)
		same(t, []int{len(spaces), len(apps)}, []int{want, want})
		teams, err := h.Teams(ctx, a) // that they are in it they know
		must(t, err)
		same(t, len(teams), 1)
	}
	_, err = h.Space(ctx, h.admin, "cellar") // the server itself
	must(t, err)

	_, err = h.ClearTeamRanges(ctx, h.operator, "acme")
	must(t, err)
	_, err = h.Space(ctx, outside, "cellar")
	must(t, err)
}

func TestPipelinesOfAClosedTeamAreNotListed(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	inside, outside := h.admin, h.admin
	inside.From, outside.From = "192.0.2.7", "198.51.100.1"
	h.line(ctx)
	_, err := h.SetTeamRanges(ctx, inside, "acme", []string{"192.0.2.7"})
	must(t, err)
	for a, want := range map[*cloister.Actor]int{&inside: 2, &outside: 0} {
		pipelines, err := h.Pipelines(ctx, *a, "")
		must(t, err)
		couplings, err := h.AllCouplings(ctx, *a, "")
		must(t, err)
		same(t, []int{2 * len(pipelines), len(couplings)}, []int{want, want})
	}
}

func TestNobodyLocksThemselvesOut(t *testing.T) {
	h := newHouse(t)
	a := h.admin
	a.From = "192.0.2.7"
	_, err := h.SetTeamRanges(t.Context(), a, "acme", []string{"198.51.100.0/24"})
	wantError(t, err, cloister.Invalid, "These ranges leave out the address that you come from, 192.0.2.7, and would lock you out. Add it, or make this change from inside.")
	_, err = h.SetTeamRanges(t.Context(), a, "acme", []string{"192.0.2.7/8"})
	wantKind(t, err, cloister.Invalid)
	_, err = h.SetTeamRanges(t.Context(), a, "acme", make([]string, 51))
	wantError(t, err, cloister.Invalid, "A team has at most 50 trusted ranges, and this set has 51. Merge neighbouring ranges.")
}
