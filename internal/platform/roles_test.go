package platform_test

import (
	"context"
	"reflect"
	"slices"
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

// A try is somebody at the door: what they may do, and what they see. What they see and may not do is forbidden; what they
// do not see looks missing.
type try struct {
	who  string
	as   func(h *house) cloister.Actor
	may  []need
	sees []need
}

var tries = []try{
	{who: "nobody", as: func(h *house) cloister.Actor { return h.nobody }},
	{who: "stranger", as: func(h *house) cloister.Actor { return h.stranger }, may: []need{account, upload, own}},
	{who: "viewer", as: func(h *house) cloister.Actor { return h.viewer }, may: []need{account, upload, own, oversee, view, see}, sees: all},
	{who: "member", as: func(h *house) cloister.Actor { return h.member }, may: []need{account, upload, own, oversee, view, see, member, coupled}, sees: all},
	{who: "one who may create apps", as: func(h *house) cloister.Actor { return h.creates }, may: []need{account, upload, own, oversee, view, see, create, member, coupled}, sees: all},
	{who: "one who may view the app", as: func(h *house) cloister.Actor { return h.views }, may: []need{account, upload, own, see}, sees: ofApp},
	{who: "one who may deploy it", as: func(h *house) cloister.Actor { return h.deploys }, may: []need{account, upload, own, see, read, deploy}, sees: ofApp},
	{who: "one who may operate it", as: func(h *house) cloister.Actor { return h.operates }, may: []need{account, upload, own, see, read, operate}, sees: ofApp},
	{who: "one who may manage it", as: func(h *house) cloister.Actor { return h.manages }, may: []need{account, upload, own, see, manage}, sees: ofApp},
	// An operator runs the machines; the teams' things are not theirs.
	{who: "operator", as: func(h *house) cloister.Actor { return h.operator }, may: []need{account, upload, own, oversee, operator}},
	{who: "admin", as: func(h *house) cloister.Actor { return h.admin }, may: []need{account, upload, own, oversee, view, see, read, deploy, operate, manage, create, member, coupled, admin}, sees: all},
}

// ofApp is what one sees who has a permission of an app, and nothing else of its team; all is what the team's people see.
var (
	ofApp = []need{see, read, deploy, operate, manage, coupled}
	all   = append([]need{view, create, member, admin}, ofApp...)
)

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
			for _, try := range tries {
				a := try.as(h)
				before, noes := h.by(t, a), h.refusals(t, a)
				err := deed.do(t.Context(), h, a)
				want, refused := cloister.Kind(""), !slices.Contains(try.may, deed.need)
				switch {
				case !refused:
				case a.User.ID == "":
					want = cloister.Unauthorized
				case deed.need == operator || slices.Contains(try.sees, deed.need):
					want = cloister.Forbidden
				default:
					want = cloister.NotFound
				}
				if cloister.KindOf(err) != want {
					t.Errorf("%s: got %v (%s), want kind %q", try.who, err, cloister.KindOf(err), want)
				}
				if refused && h.by(t, a) != before {
					t.Errorf("%s was refused, and yet something happened", try.who)
				}
				if known := a.User.ID != ""; refused && known && h.refusals(t, a) != noes+1 {
					t.Errorf("%s was refused, which is not in the audit trail once", try.who)
				}
				if !refused && deed.need > read { // done is done: the next one comes to another house
					h = inHouse(t)
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
func (h *house) by(t *testing.T, a cloister.Actor) int { return h.trail(t, a, false) }

// refusals counts what an actor was refused, as the audit trail has it.
func (h *house) refusals(t *testing.T, a cloister.Actor) int { return h.trail(t, a, true) }

func (h *house) trail(t *testing.T, a cloister.Actor, refused bool) (n int) {
	t.Helper()
	for _, e := range h.events(t) {
		if e.Actor == a.User.Email && (e.Action == "refuse") == refused {
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
	same(t, hidden.Error(), missing.Error())
	_, hidden = h.Space(t.Context(), h.stranger, "cellar")
	_, missing = h.Space(t.Context(), h.stranger, "tower")
	same(t, hidden.Error(), missing.Error())
	_, hidden = h.Team(t.Context(), h.stranger, "acme")
	_, missing = h.Team(t.Context(), h.stranger, "nunnery")
	same(t, hidden.Error(), missing.Error())
}
