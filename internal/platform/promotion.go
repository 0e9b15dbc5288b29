package platform

import (
	"context"
	"fmt"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A PromotionSpec is what is asked for when code is promoted.
type PromotionSpec struct {
	Pipeline string   // id
	Source   string   // app, id or name
	Release  string   // of the source, id or number; "": the current one
	Targets  []string // apps, ids or names
}

// A PromotionInfo is a promotion with its targets.
type PromotionInfo struct {
	cloister.Promotion
	Targets []cloister.PromotionTarget
}

// Promote releases the code of one app of a pipeline, as it was built, to others of it, with their own config vars. A
// target that cannot take it fails alone.
func (p *Platform) Promote(ctx context.Context, a cloister.Actor, in PromotionSpec) (out PromotionInfo, err error) {
	if len(in.Targets) == 0 {
		return out, cloister.Errorf(cloister.Invalid, "Targets are required: to which apps is the code promoted?")
	}
	var said []func()
	err = p.update(ctx, a, func(tx *store.Tx) error {
		said = nil
		x, err := p.pipeline(tx, a, in.Pipeline, viewPipeline)
		if err != nil {
			return err
		}
		var targets []AppInfo
		seen := map[string]bool{}
		for _, ref := range in.Targets {
			app, err := p.promotable(tx, a, x, ref)
			if err != nil {
				return err
			}
			if seen[app.ID] {
				return cloister.Errorf(cloister.Invalid, "App %s is among the targets twice.", app.Name)
			}
			seen[app.ID] = true
			targets = append(targets, app)
		}
		source, err := p.promotable(tx, a, x, in.Source)
		if err != nil {
			return err
		}
		if seen[source.ID] {
			return cloister.Errorf(cloister.Invalid, "Cannot promote app %s to itself.", source.Name)
		}
		r, slug, err := promoted(tx, source, in.Release)
		if err != nil {
			return err
		}
		out = PromotionInfo{Promotion: cloister.Promotion{ID: cloister.NewID(), PipelineID: x.ID, AppID: source.ID, ReleaseID: r.ID, CreatedAt: tx.Now}}
		description := fmt.Sprintf("Promote %s v%d %s", source.Name, r.Version, shortCommit(slug))
		for _, app := range targets {
			t := cloister.PromotionTarget{ID: cloister.NewID(), PromotionID: out.ID, AppID: app.ID}
			if err := allow(tx, app.Space, cloister.LimitProcessTypes, "App "+app.Name, 0, len(slug.ProcessTypes)); cloister.KindOf(err) == cloister.Invalid {
				t.Error = err.Error()
			} else if err != nil {
				return err
			} else {
				next, err := p.promoteTo(tx, a, app, slug, description)
				if err != nil {
					return err
				}
				t.ReleaseID = next.ID
				said = append(said, func() { p.announce(app, a, next) })
			}
			out.Targets = append(out.Targets, t)
		}
		if err := tx.InsertPromotion(out.Promotion, out.Targets); err != nil {
			return err
		}
		if out.Targets, err = promotionTargets(tx, out.ID); err != nil {
			return err
		}
		return tx.Event("pipeline", x.ID, "promote", fmt.Sprintf("%s v%d to %d apps of %s", source.Name, r.Version, len(targets), x.Name))
	})
	if err == nil {
		for _, say := range said {
			say()
		}
	}
	return out, err
}

// promotable finds an app of a pipeline that the actor may deploy.
func (p *Platform) promotable(tx *store.Tx, a cloister.Actor, x cloister.Pipeline, ref string) (AppInfo, error) {
	app, err := p.app(tx, a, ref, deployApp)
	if err != nil {
		return app, err
	}
	c, err := tx.Coupling(app.ID)
	if err != nil && cloister.KindOf(err) != cloister.NotFound {
		return app, err
	}
	if c.PipelineID != x.ID {
		return app, cloister.Errorf(cloister.Invalid, "App %s is not in the pipeline %s.", app.Name, x.Name)
	}
	return app, nil
}

// promoted finds the release of an app that is promoted, and its code.
func promoted(tx *store.Tx, app AppInfo, ref string) (r cloister.Release, s cloister.Slug, err error) {
	if ref == "" {
		r, err = tx.CurrentRelease(app.ID)
	} else {
		r, err = findRelease(tx, app, ref)
	}
	if err != nil {
		return r, s, err
	}
	if !r.CanRollBack() {
		return r, s, cloister.Errorf(cloister.Invalid, "Cannot promote v%d of %s: it has no code, or it never succeeded. Deploy it first.", r.Version, app.Name)
	}
	s, err = tx.Slug(app.ID, r.SlugID)
	return r, s, err
}

// promoteTo releases the code of a slug to another app than its own, to which it belongs from then on too.
func (p *Platform) promoteTo(tx *store.Tx, a cloister.Actor, app AppInfo, s cloister.Slug, description string) (cloister.Release, error) {
	s.ID, s.AppID, s.CreatedAt, s.UpdatedAt = cloister.NewID(), app.ID, tx.Now, tx.Now
	if err := tx.InsertSlug(s); err != nil {
		return cloister.Release{}, err
	}
	return p.release(tx, a, app, s.ID, app.Config, description)
}

// Promotion finds a promotion by id, as far as it is.
func (p *Platform) Promotion(ctx context.Context, a cloister.Actor, id string) (out PromotionInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := scope(a, viewPipeline); err != nil {
			return err
		}
		if out.Promotion, err = tx.Promotion(strings.ToLower(id)); err != nil {
			return err
		}
		if _, err := p.pipeline(tx, a, out.PipelineID, viewPipeline); err != nil {
			return hidden(err, "pipeline_promotion")
		}
		out.Targets, err = promotionTargets(tx, out.ID)
		return err
	})
	return out, err
}

func promotionTargets(tx *store.Tx, id string) ([]cloister.PromotionTarget, error) {
	all, err := tx.PromotionTargets(id)
	for i, t := range all {
		if t.Status == cloister.ReleaseExpired {
			all[i].Status = cloister.ReleaseFailed
		}
		switch {
		case t.Error != "" || all[i].Status != cloister.ReleaseFailed:
		case t.ReleaseID == "":
			all[i].Error = "The app was destroyed."
		default:
			all[i].Error = "The release command failed. See `releases:output` of the app."
		}
	}
	return all, err
}
