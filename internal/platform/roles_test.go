package platform_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

func TestEveryDeedOfThePlatformIsInTheTable(t *testing.T) {
	methods := reflect.TypeFor[*platform.Platform]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if _, ok := deeds[name]; !ok && !others[name] {
			t.Errorf("nobody tests who may do %s", name)
		}
	}
}

func TestRolesMayDoWhatTheyMayAndNothingElse(t *testing.T) {
	inHouse := func(t *testing.T) *house {
		h := newHouse(t)
		h.deploy(t, "quiet-garth", "web")
		h.addDyno(t, "quiet-garth", "web", 1)
		h.abroad(t)
		return h
	}
	for name, deed := range deeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := inHouse(t)
			for _, try := range []struct {
				who  string
				a    cloister.Actor
				want map[need]cloister.Kind // what is not here is allowed
			}{
				{"nobody", h.nobody, map[need]cloister.Kind{account: cloister.Unauthorized, view: cloister.Unauthorized, admin: cloister.Unauthorized, operator: cloister.Unauthorized}},
				{"stranger", h.stranger, map[need]cloister.Kind{view: cloister.NotFound, admin: cloister.NotFound, operator: cloister.Forbidden}},
				{"viewer", h.viewer, map[need]cloister.Kind{admin: cloister.Forbidden, operator: cloister.Forbidden}},
				{"member", h.member, map[need]cloister.Kind{admin: cloister.Forbidden, operator: cloister.Forbidden}},
				// An operator runs the machines; the teams' things are not theirs.
				{"operator", h.operator, map[need]cloister.Kind{view: cloister.NotFound, admin: cloister.NotFound}},
				{"admin", h.admin, map[need]cloister.Kind{operator: cloister.Forbidden}},
			} {
				before := h.by(t, try.a)
				err := deed.do(t.Context(), h, try.a)
				want, refused := try.want[deed.need]
				if cloister.KindOf(err) != want {
					t.Errorf("%s: got %v (%s), want kind %q", try.who, err, cloister.KindOf(err), want)
				}
				if refused && h.by(t, try.a) != before {
					t.Errorf("%s was refused, and yet something happened", try.who)
				}
			}
		})
	}
}

// drain is the id of a drain of the app that its admin has added.
func (h *house) drain(ctx context.Context) string {
	_, all, _ := h.Drains(ctx, h.admin, "quiet-garth")
	if len(all) == 0 {
		h.AddDrain(ctx, h.admin, "quiet-garth", "https://logs.example.com/")
		_, all, _ = h.Drains(ctx, h.admin, "quiet-garth")
	}
	return all[0].ID
}

// by counts what happened on behalf of an actor.
func (h *house) by(t *testing.T, a cloister.Actor) (n int) {
	t.Helper()
	for _, e := range h.events(t) {
		if e.Actor == a.User.Email {
			n++
		}
	}
	return n
}

func TestListsShowOnlyWhatTheActorMaySee(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for _, a := range []cloister.Actor{h.stranger, h.operator} {
		spaces, err := h.Spaces(ctx, a)
		must(t, err)
		apps, err := h.Apps(ctx, a, "", "")
		must(t, err)
		same(t, len(spaces)+len(apps), 0)
	}
	for _, a := range []cloister.Actor{h.viewer, h.member, h.admin} {
		spaces, err := h.Spaces(ctx, a)
		must(t, err)
		apps, err := h.Apps(ctx, a, "", "")
		must(t, err)
		same(t, []string{spaces[0].Name, spaces[0].Team.Name, spaces[0].Region.Name, apps[0].Name, apps[0].Space.Name, apps[0].Team.Name},
			[]string{"cellar", "acme", "virginia", "quiet-garth", "cellar", "acme"})
	}
	teams, err := h.Teams(ctx, h.viewer)
	must(t, err)
	same(t, []any{len(teams), teams[0].Name, teams[0].Role}, []any{1, "acme", cloister.Viewer})
}

func TestWhatIsMissingAndWhatIsHiddenLookTheSame(t *testing.T) {
	h := newHouse(t)
	_, hidden := h.App(t.Context(), h.stranger, "quiet-garth")
	_, missing := h.App(t.Context(), h.stranger, "loud-garth")
	same(t, hidden, missing)
	_, hidden = h.Space(t.Context(), h.stranger, "cellar")
	_, missing = h.Space(t.Context(), h.stranger, "tower")
	same(t, hidden, missing)
	_, hidden = h.Team(t.Context(), h.stranger, "acme")
	_, missing = h.Team(t.Context(), h.stranger, "nunnery")
	same(t, hidden, missing)
}
