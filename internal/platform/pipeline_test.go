package platform_test

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAPipelineIsItsOwners(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	acme, err := h.Team(ctx, h.admin, "acme")
	must(t, err)
	own, err := h.CreatePipeline(ctx, h.viewer, "stall", platform.Owner{}) // of anybody's own
	must(t, err)
	same(t, own.UserID, h.viewer.User.ID)
	same(t, h.last(t).Action, "create")
	for _, a := range []cloister.Actor{h.admin, h.stranger} {
		_, err = h.Pipeline(ctx, a, own.ID)
		wantError(t, err, cloister.NotFound, "Couldn't find that pipeline.")
	}
	_, err = h.CreatePipeline(ctx, h.viewer, "stall", platform.Owner{})
	wantError(t, err, cloister.Invalid, "Name stall is already taken. Choose another name.")
	for name, x := range map[string]struct {
		owner platform.Owner
		kind  cloister.Kind
	}{
		"a stranger":   {platform.Owner{Type: "user", ID: h.stranger.User.ID}, cloister.NotFound}, // of whom one knows nothing
		"a mate":       {platform.Owner{Type: "user", ID: h.admin.User.ID}, cloister.Forbidden},
		"a type":       {platform.Owner{Type: "space", ID: h.cellar.ID}, cloister.Invalid},
		"a viewed one": {platform.Owner{Type: "team", ID: acme.ID}, cloister.Forbidden},
	} {
		if _, err := h.CreatePipeline(ctx, h.viewer, "other", x.owner); cloister.KindOf(err) != x.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = h.CreatePipeline(ctx, h.viewer, "No", platform.Owner{})
	same(t, cloister.KindOf(err), cloister.Invalid)

	// It is given away to whom one shares a team with, and to a team in which one manages pipelines.
	_, _, err = h.TransferPipeline(ctx, h.viewer, own.ID, platform.Owner{Type: "user", ID: h.stranger.User.ID})
	wantError(t, err, cloister.NotFound, "Couldn't find that user.")
	_, _, err = h.TransferPipeline(ctx, h.viewer, own.ID, platform.Owner{Type: "team", ID: acme.ID})
	same(t, cloister.KindOf(err), cloister.Forbidden)
	was, is, err := h.TransferPipeline(ctx, h.viewer, own.ID, platform.Owner{Type: "user", ID: h.member.User.ID})
	must(t, err)
	same(t, []string{was.UserID, is.UserID, is.TeamID}, []string{h.viewer.User.ID, h.member.User.ID, ""})
	_, err = h.Pipeline(ctx, h.viewer, own.ID)
	same(t, cloister.KindOf(err), cloister.NotFound)
	_, _, err = h.TransferPipeline(ctx, h.member, "stall", platform.Owner{Type: "team", ID: acme.ID})
	must(t, err)
	_, err = h.Pipeline(ctx, h.viewer, own.ID)
	must(t, err)
}

func TestAPipelineIsFoundByItsNameWhereThereIsOne(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.line(ctx)
	x, err := h.Pipeline(ctx, h.viewer, "shop")
	must(t, err)
	same(t, x.ID, id)
	_, err = h.CreatePipeline(ctx, h.viewer, "shop", platform.Owner{})
	must(t, err)
	_, err = h.Pipeline(ctx, h.viewer, "shop")
	wantError(t, err, cloister.Invalid, "You see 2 pipelines called shop. Use the id of one.")
	all, err := h.Pipelines(ctx, h.viewer, "shop")
	must(t, err)
	same(t, len(all), 2)
	_, err = h.Pipeline(ctx, h.stranger, "shop")
	same(t, cloister.KindOf(err), cloister.NotFound)
}

func TestOfAPipelineOneSeesTheAppsThatOneSees(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.line(ctx)
	count := func(a cloister.Actor) int {
		_, some, err := h.Couplings(ctx, a, id)
		must(t, err)
		all, err := h.AllCouplings(ctx, a, "")
		must(t, err)
		same(t, all, some)
		return len(some)
	}
	same(t, []int{count(h.admin), count(h.viewer), count(h.views)}, []int{2, 2, 1})
	_, err := h.UpdateApp(ctx, h.admin, "loud-garth", platform.AppChange{Locked: new(true)})
	must(t, err)
	same(t, []int{count(h.admin), count(h.viewer), count(h.views)}, []int{2, 1, 1})
	_, hidden, err := h.CouplingOf(ctx, h.admin, "loud-garth")
	must(t, err)
	_, _, err = h.Coupling(ctx, h.member, hidden.ID)
	wantError(t, err, cloister.NotFound, "Couldn't find that pipeline coupling.")
	none, err := h.AllCouplings(ctx, h.admin, "acme")
	must(t, err)
	same(t, len(none), 2)
	_, err = h.AllCouplings(ctx, h.views, "acme")
	same(t, cloister.KindOf(err), cloister.NotFound)
}

func TestAnAppIsInOnePipelineAtMost(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	must(t, h.newApp(t, "cellar", "dim-garth"))
	_, _, err := h.CouplingOf(ctx, h.admin, "dim-garth")
	wantError(t, err, cloister.NotFound, "This app is in no pipeline.")
	h.line(ctx)
	_, err = h.Couple(ctx, h.admin, "shop", "quiet-garth", "review")
	wantError(t, err, cloister.Invalid, "App quiet-garth is in a pipeline already. Remove it from that one first: `pipelines:remove -a quiet-garth`.")
	_, err = h.Couple(ctx, h.admin, "shop", "dim-garth", "prod")
	same(t, cloister.KindOf(err), cloister.Invalid)
	_, _, err = h.SetStage(ctx, h.admin, h.coupling(ctx), "prod")
	same(t, cloister.KindOf(err), cloister.Invalid)
	_, c, err := h.SetStage(ctx, h.admin, h.coupling(ctx), "production")
	must(t, err)
	same(t, c.Stage, cloister.StageProduction)
	_, _, err = h.Uncouple(ctx, h.admin, c.ID)
	must(t, err)
	_, _, err = h.CouplingOf(ctx, h.admin, "quiet-garth")
	same(t, cloister.KindOf(err), cloister.NotFound)
}

func TestAnAppBeginsWithTheConfigVarsOfItsStage(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.line(ctx)
	set := func(change map[string]*cloister.Secret) (map[string]cloister.Secret, error) {
		return h.SetPipelineConfig(ctx, h.admin, "shop", "review", change)
	}
	vars, err := set(map[string]*cloister.Secret{"KEY": new(cloister.Secret("of the stage")), "MODE": new(cloister.Secret("review")), "GONE": new(cloister.Secret(""))})
	must(t, err)
	same(t, len(vars), 3)
	for _, word := range []string{"of the stage", "review\""} { // no value is told by the audit trail
		if e := h.last(t); strings.Contains(string(e.Changes), word) {
			t.Errorf("the event has %q in it: %+v", word, e)
		}
	}
	_, err = set(map[string]*cloister.Secret{"GONE": nil})
	must(t, err)
	_, err = set(map[string]*cloister.Secret{"9": new(cloister.Secret("v"))})
	same(t, cloister.KindOf(err), cloister.Invalid)
	n := len(h.events(t))
	_, err = set(map[string]*cloister.Secret{"MODE": new(cloister.Secret("review"))}) // as it is
	must(t, err)
	same(t, len(h.events(t)), n)
	_, err = h.SetPipelineConfig(ctx, h.admin, "shop", "production", nil)
	wantError(t, err, cloister.Invalid, "Stage production has no config vars of its own: each of its apps has. Use test or review, or `config:set` of the app.")

	must(t, h.newApp(t, "cellar", "dim-garth"))
	_, err = h.SetConfig(ctx, h.admin, "dim-garth", map[string]*cloister.Secret{"KEY": new(cloister.Secret("its own"))})
	must(t, err)
	_, err = h.Couple(ctx, h.admin, "shop", "dim-garth", "review")
	must(t, err)
	vars, err = h.Config(ctx, h.admin, "dim-garth")
	must(t, err)
	same(t, vars, map[string]cloister.Secret{"KEY": "its own", "MODE": "review"})
	_, all, err := h.Releases(ctx, h.admin, "dim-garth")
	must(t, err)
	same(t, []any{all[0].Version, all[0].Description}, []any{3, "Set MODE config vars"})
}

func TestCodeIsPromotedAsItWasBuilt(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.line(ctx)
	promote := func(source string, targets ...string) (platform.PromotionInfo, error) {
		return h.Promote(ctx, h.admin, platform.PromotionSpec{Pipeline: "shop", Source: source, Targets: targets})
	}
	_, err := promote("quiet-garth", "loud-garth")
	wantError(t, err, cloister.Invalid, "Cannot promote v1 of quiet-garth: it has no code, or it never succeeded. Deploy it first.")
	slug := h.deploy(t, "quiet-garth", "web", "worker")
	_, err = h.SetConfig(ctx, h.admin, "loud-garth", map[string]*cloister.Secret{"KEY": new(cloister.Secret("its own"))})
	must(t, err)
	out, err := promote("quiet-garth", "loud-garth")
	must(t, err)
	same(t, []any{len(out.Targets), out.Targets[0].Status, out.Targets[0].Error}, []any{1, cloister.ReleaseSucceeded, ""})
	_, r, err := h.Release(ctx, h.admin, "loud-garth", out.Targets[0].ReleaseID)
	must(t, err)
	same(t, []any{r.Version, r.Description, r.Config}, []any{3, "Promote quiet-garth v2 c0ffee01", map[string]cloister.Secret{"KEY": "its own"}})
	_, copied, err := h.Slug(ctx, h.admin, "loud-garth", r.SlugID)
	must(t, err)
	same(t, []any{copied.Image, copied.ProcessTypes, copied.Commit, copied.ID == slug.ID}, []any{slug.Image, slug.ProcessTypes, slug.Commit, false})
	same(t, h.said[len(h.said)-2:], []string{"Promote quiet-garth v2 c0ffee01 by user admin@example.com", "Release v3 created by user admin@example.com"})
	got, err := h.Promotion(ctx, h.viewer, out.ID)
	must(t, err)
	same(t, got, out)

	for what, x := range map[string]struct {
		source  string
		targets []string
		message string
	}{
		"itself":  {"quiet-garth", []string{"loud-garth", "quiet-garth"}, "Cannot promote app quiet-garth to itself."},
		"twice":   {"quiet-garth", []string{"loud-garth", "loud-garth"}, "App loud-garth is among the targets twice."},
		"nowhere": {"quiet-garth", nil, "Targets are required: to which apps is the code promoted?"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := promote(x.source, x.targets...)
			wantError(t, err, cloister.Invalid, x.message)
		})
	}
	must(t, h.newApp(t, "cellar", "dim-garth"))
	_, err = promote("quiet-garth", "dim-garth")
	wantError(t, err, cloister.Invalid, "App dim-garth is not in the pipeline shop.")

	// An app that is gone has failed.
	_, err = h.DestroyApp(ctx, h.admin, "loud-garth")
	must(t, err)
	got, err = h.Promotion(ctx, h.admin, out.ID)
	must(t, err)
	same(t, []any{got.Targets[0].Status, got.Targets[0].Error}, []any{cloister.ReleaseFailed, "The app was destroyed."})
}

func TestAPromotionIsAsFarAsTheReleaseCommand(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.line(ctx)
	h.deploy(t, "quiet-garth", "web")
	h.update(t, func(tx *store.Tx) error { // as if the source's release command had been long done
		app, err := tx.App("quiet-garth")
		if err != nil {
			return err
		}
		slug := cloister.Slug{ID: cloister.NewID(), AppID: app.ID, Stack: "debian-12", Image: "sha256:2", ProcessTypes: map[string]string{"release": "migrate"}, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertSlug(slug); err != nil {
			return err
		}
		_, err = tx.AddRelease(app, cloister.Release{SlugID: slug.ID, Automatic: true}, "Private-S")
		return err
	})
	out, err := h.Promote(ctx, h.admin, platform.PromotionSpec{Pipeline: "shop", Source: "quiet-garth", Targets: []string{"loud-garth"}})
	must(t, err)
	same(t, []any{out.Targets[0].Status, cloister.Done(out.Targets)}, []any{cloister.ReleasePending, false})
	h.update(t, func(tx *store.Tx) error {
		r, err := tx.NewestRelease(out.Targets[0].AppID)
		if err != nil {
			return err
		}
		app, err := tx.App(r.AppID)
		if err != nil {
			return err
		}
		_, err = tx.EndPhase(app, r, false, "Private-S")
		return err
	})
	out, err = h.Promotion(ctx, h.admin, out.ID)
	must(t, err)
	same(t, []any{out.Targets[0].Status, out.Targets[0].Error, cloister.Done(out.Targets)},
		[]any{cloister.ReleaseFailed, "The release command failed. See `releases:output` of the app.", true})
}

func TestPipelinesFollowASpaceIfTheyHaveNothingElse(t *testing.T) {
	for name, elsewhere := range map[string]bool{"all inside": false, "some outside": true} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			ctx := t.Context()
			id := h.line(ctx)
			if elsewhere {
				_, err := h.CreateSpace(ctx, h.admin, platform.SpaceSpec{Name: "tower", Team: "acme"})
				must(t, err)
				must(t, h.newApp(t, "tower", "dim-garth"))
				_, err = h.Couple(ctx, h.admin, id, "dim-garth", "production")
				must(t, err)
			}
			to := h.newTeam(ctx, h.admin)
			_, err := h.TransferSpace(ctx, h.admin, "cellar", to)
			must(t, err)
			x, all, err := h.Couplings(ctx, h.admin, id)
			must(t, err)
			owner, err := h.Team(ctx, h.admin, x.TeamID)
			must(t, err)
			want := []any{to, 2}
			if elsewhere {
				want = []any{"acme", 1}
			}
			same(t, []any{owner.Name, len(all)}, want)
		})
	}
}
