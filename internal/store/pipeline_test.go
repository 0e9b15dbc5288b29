package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func newPipeline(tx *store.Tx, name, team, user string) cloister.Pipeline {
	return cloister.Pipeline{ID: cloister.NewID(), Name: name, TeamID: team, UserID: user, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

// newCoupling is the place of an app, which must be there, in a pipeline.
func newCoupling(tx *store.Tx, p cloister.Pipeline, app cloister.App, s cloister.Stage) cloister.Coupling {
	return cloister.Coupling{ID: cloister.NewID(), PipelineID: p.ID, AppID: app.ID, Stage: s, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func TestPipelinesAreTheirOwners(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var ofTeam, ofUser cloister.Pipeline
		var zoe cloister.User
		update(t, s, func(tx *store.Tx) error {
			ofTeam, ofUser, zoe = newPipeline(tx, "shop", x.team.ID, ""), newPipeline(tx, "shop", "", x.user.ID), newUser(tx, "zoe@example.com")
			if err := tx.InsertUser(zoe); err != nil {
				return err
			}
			if err := tx.InsertPipeline(ofTeam); err != nil {
				return err
			}
			return tx.InsertPipeline(ofUser)
		})
		of := func(u cloister.User) []cloister.Pipeline {
			return read(t, s, func(tx *store.Tx) ([]cloister.Pipeline, error) { return tx.PipelinesOf(u.ID) })
		}
		same(t, read(t, s, func(tx *store.Tx) (cloister.Pipeline, error) { return tx.Pipeline(ofTeam.ID) }), ofTeam)
		same(t, of(x.user), []cloister.Pipeline{ofUser})
		same(t, of(zoe), []cloister.Pipeline(nil))
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertPipeline(newPipeline(tx, "shop", x.team.ID, "")) })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertPipeline(newPipeline(tx, "shop", "", x.user.ID)) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.UpdatePipeline(newPipeline(tx, "shop", x.team.ID, "")) })

		// Whoever sees an app in it sees it.
		update(t, s, func(tx *store.Tx) error {
			if err := tx.InsertCoupling(newCoupling(tx, ofTeam, x.app, cloister.StageStaging)); err != nil {
				return err
			}
			return tx.InsertCollaborator(newCollaborator(tx, x.app, zoe, "view"))
		})
		same(t, of(zoe), []cloister.Pipeline{ofTeam})
		for id, sees := range map[string]bool{ofTeam.ID: true, ofUser.ID: false} {
			same(t, read(t, s, func(tx *store.Tx) (bool, error) { return tx.SeesIn(id, zoe.ID) }), sees)
		}

		p.clock.advance(time.Second)
		ofUser.Name, ofUser.TeamID, ofUser.UserID, ofUser.UpdatedAt = "stall", x.team.ID, "", p.clock.Now()
		update(t, s, func(tx *store.Tx) error { return tx.UpdatePipeline(ofUser) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.Pipeline, error) { return tx.Pipeline(ofUser.ID) }), ofUser)
		update(t, s, func(tx *store.Tx) error { return tx.DeletePipeline(ofTeam.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeletePipeline(ofTeam.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Pipeline(ofTeam.ID); return err })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Coupling(x.app.ID); return err }) // it goes along
	})
}

func TestPipelineConfig(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var a cloister.Pipeline
		update(t, s, func(tx *store.Tx) error {
			a = newPipeline(tx, "shop", x.team.ID, "")
			return tx.InsertPipeline(a)
		})
		config := func(s2 cloister.Stage) map[string]cloister.Secret {
			return read(t, s, func(tx *store.Tx) (map[string]cloister.Secret, error) { return tx.PipelineConfig(a.ID, s2) })
		}
		same(t, config(cloister.StageReview), map[string]cloister.Secret{})
		for _, vars := range []map[string]cloister.Secret{{"KEY": "übergrün"}, {"KEY": "b", "OTHER": ""}, {}} {
			update(t, s, func(tx *store.Tx) error { return tx.PutPipelineConfig(a.ID, cloister.StageReview, vars) })
			same(t, config(cloister.StageReview), vars)
			same(t, config(cloister.StageTest), map[string]cloister.Secret{})
		}
	})
}

func TestCouplings(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var a, b cloister.Pipeline
		var c cloister.Coupling
		update(t, s, func(tx *store.Tx) error {
			a, b = newPipeline(tx, "shop", x.team.ID, ""), newPipeline(tx, "stall", x.team.ID, "")
			c = newCoupling(tx, a, x.app, cloister.StageStaging)
			for _, p := range []cloister.Pipeline{a, b} {
				if err := tx.InsertPipeline(p); err != nil {
					return err
				}
			}
			return tx.InsertCoupling(c)
		})
		for _, id := range []string{c.ID, x.app.ID} {
			same(t, read(t, s, func(tx *store.Tx) (cloister.Coupling, error) { return tx.Coupling(id) }), c)
		}
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Coupling, error) { return tx.Couplings(a.ID) }), []cloister.Coupling{c})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Coupling, error) { return tx.CouplingsIn(x.space.ID) }), []cloister.Coupling{c})
		seen := func(f store.CouplingFilter) []cloister.Coupling {
			return read(t, s, func(tx *store.Tx) ([]cloister.Coupling, error) { return tx.CouplingsSeen(x.user.ID, f) })
		}
		same(t, seen(store.CouplingFilter{}), []cloister.Coupling(nil))
		update(t, s, func(tx *store.Tx) error { return tx.InsertCollaborator(newCollaborator(tx, x.app, x.user, "view")) })
		for f, n := range map[store.CouplingFilter]int{{}: 1, {Pipeline: a.ID}: 1, {Team: x.team.ID}: 1, {Pipeline: b.ID}: 0, {Team: "none"}: 0, {Pipeline: a.ID, Team: "none"}: 0} {
			same(t, len(seen(f)), n)
		}
		same(t, seen(store.CouplingFilter{Pipeline: a.ID}), []cloister.Coupling{c})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Coupling, error) { return tx.CouplingsIn(cloister.NewID()) }), []cloister.Coupling(nil))
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertCoupling(newCoupling(tx, b, x.app, cloister.StageTest)) })
		p.clock.advance(time.Second)
		c.Stage, c.UpdatedAt = cloister.StageProduction, p.clock.Now()
		update(t, s, func(tx *store.Tx) error { return tx.SetStage(c.ID, c.Stage) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.Coupling, error) { return tx.Coupling(c.ID) }), c)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteCoupling(c.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteCoupling(c.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SetStage(c.ID, c.Stage) })
	})
}

func TestPromotionsAreAsFarAsTheirReleases(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var pr cloister.Promotion
		var r cloister.Release
		targets := []cloister.PromotionTarget{
			{ID: cloister.NewID(), AppID: "0", Error: "it has no room"},
			{ID: cloister.NewID(), AppID: "00", ReleaseID: cloister.NewID()},
			{ID: cloister.NewID(), AppID: x.app.ID},
		}
		update(t, s, func(tx *store.Tx) (err error) {
			a := newPipeline(tx, "shop", x.team.ID, "")
			if err := tx.InsertPipeline(a); err != nil {
				return err
			}
			if r, err = tx.AddRelease(x.app, cloister.Release{UserID: x.user.ID, UserEmail: x.user.Email}, "Private-S"); err != nil {
				return err
			}
			pr = cloister.Promotion{ID: cloister.NewID(), PipelineID: a.ID, AppID: x.app.ID, ReleaseID: cloister.NewID(), CreatedAt: tx.Now}
			targets[2].ReleaseID = r.ID
			return tx.InsertPromotion(pr, targets)
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Promotion, error) { return tx.Promotion(pr.ID) }), pr)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Promotion(r.ID); return err })
		for i := range targets {
			targets[i].PromotionID, targets[i].Status = pr.ID, cloister.ReleaseFailed
		}
		targets[1].ReleaseID = "" // its app is gone
		targets[2].Status = cloister.ReleaseSucceeded
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.PromotionTarget, error) { return tx.PromotionTargets(pr.ID) }), targets)
	})
}
