package platform_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestWhatLetsNobodyInIsInTheTrail(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	const from = "192.0.2.7"
	_, err := h.SignIn(ctx, from, h.admin.User.Email, "not the password", "")
	wantKind(t, err, cloister.Unauthorized)
	e := h.last(t)
	same(t, []string{e.Actor, e.From, e.Kind, e.ID, e.Action, e.Text}, []string{"", from, "user", h.admin.User.ID, "refuse", "a wrong password for admin@example.com"})
	_, err = h.SignIn(ctx, from, "mallory\x1b[2J@example.com", "secret word", "")
	wantKind(t, err, cloister.Unauthorized)
	same(t, []string{h.last(t).ID, h.last(t).Text}, []string{"", "a wrong password for mallory[2J@example.com"})
	_, err = h.Authenticate(ctx, from, "HRKU-none")
	wantKind(t, err, cloister.Unauthorized)
	same(t, h.last(t).Text, "a token that is none, or was revoked")
	for _, e := range h.events(t) {
		if strings.Contains(e.Text, "not the password") || strings.Contains(e.Text, "HRKU") {
			t.Errorf("a secret is in the trail: %s", e.Text)
		}
	}
}

func TestAFloodOfRefusalsDoesNotFillTheTrail(t *testing.T) {
	h := newHouse(t)
	for range 200 {
		_, err := h.Space(t.Context(), h.stranger, "cellar")
		wantKind(t, err, cloister.NotFound)
	}
	if n := h.refusals(t, h.stranger); n < 60 || n > 65 { // some come back while this runs
		t.Errorf("%d refusals were taken down", n)
	}
	if !slices.ContainsFunc(h.events(t), func(e cloister.Event) bool {
		return e.Actor == h.stranger.User.Email && strings.Contains(e.Text, "more refusals are not taken down")
	}) {
		t.Error("the trail does not say that something is not in it")
	}
}

// What a change tells is more than that it was made: all that create, change or destroy something say what was and what is.
func TestEveryChangeTellsWhatWasAndWhatIs(t *testing.T) {
	bare := map[string]bool{ // what there is to say is in their words: the rest may be secret, or is a thing that happens
		"build create": true, "slug create": true,
	}
	seen := 0
	for name, deed := range deeds {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.deploy(t, "quiet-garth", "web")
			h.addDyno(t, "quiet-garth", "web", 1)
			h.abroad(t)
			a := h.admin
			if deed.need == operator {
				a = h.operator
			}
			before := len(h.events(t))
			if err := deed.do(t.Context(), h, a); err != nil {
				t.Skip(err)
			}
			for _, e := range h.events(t)[before:] {
				changes := e.Action == "create" || e.Action == "update" || e.Action == "destroy"
				if changes && len(e.Changes) == 0 && !bare[e.Kind+" "+e.Action] {
					t.Errorf("%s %s says only %q", e.Kind, e.Action, e.Text)
				}
				if changes {
					seen++
				}
			}
		})
	}
	if seen < 40 {
		t.Errorf("only %d changes were seen", seen)
	}
}
