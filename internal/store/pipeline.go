package store

import (
	"fmt"

	"github.com/cloister-dev/cloister"
)

const pipelineColumns = `id, name, COALESCE(team_id, ''), COALESCE(user_id, ''), created_at, updated_at`

func scanPipeline(_ *Tx, r row) (p cloister.Pipeline, err error) {
	err = r.Scan(&p.ID, &p.Name, &p.TeamID, &p.UserID, when{&p.CreatedAt}, when{&p.UpdatedAt})
	return p, err
}

// Pipeline finds a pipeline by id.
func (tx *Tx) Pipeline(id string) (cloister.Pipeline, error) {
	return one(tx, "pipeline", scanPipeline, `SELECT `+pipelineColumns+` FROM pipelines WHERE id = $1`, id)
}

// PipelinesOf lists the pipelines that a user owns, whose team they are a member of, or of which they see an app, by name.
func (tx *Tx) PipelinesOf(userID string) ([]cloister.Pipeline, error) {
	return many(tx, scanPipeline, `
		SELECT `+pipelineColumns+`
		FROM pipelines
		WHERE user_id = $1 OR team_id IN (SELECT team_id FROM members WHERE user_id = $1)
			OR id IN (SELECT c.pipeline_id FROM couplings c JOIN apps ON apps.id = c.app_id WHERE `+fmt.Sprintf(appsSeen, 1)+`)
		ORDER BY name, id`, userID)
}

// SeesIn reports whether a user sees an app of a pipeline.
func (tx *Tx) SeesIn(pipelineID, userID string) (bool, error) {
	n, err := one(tx, "pipeline", value[int], `
		SELECT COUNT(*) FROM couplings c JOIN apps ON apps.id = c.app_id WHERE c.pipeline_id = $1 AND `+fmt.Sprintf(appsSeen, 2),
		pipelineID, userID)
	return n > 0, err
}

// InsertPipeline adds a pipeline; a name that its owner has given to another one is a Conflict.
func (tx *Tx) InsertPipeline(p cloister.Pipeline) error {
	return tx.exec(`
		INSERT INTO pipelines (id, name, team_id, user_id, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		p.ID, p.Name, orNull(p.TeamID), orNull(p.UserID), at(p.CreatedAt), at(p.UpdatedAt))
}

// UpdatePipeline writes the name and the owner of a pipeline; a name that its owner has given to another one is a Conflict.
func (tx *Tx) UpdatePipeline(p cloister.Pipeline) error {
	return tx.must("pipeline", `UPDATE pipelines SET name = $1, team_id = $2, user_id = $3, updated_at = $4 WHERE id = $5`,
		p.Name, orNull(p.TeamID), orNull(p.UserID), at(tx.Now), p.ID)
}

// DeletePipeline removes a pipeline; its apps stay.
func (tx *Tx) DeletePipeline(id string) error {
	return tx.must("pipeline", `DELETE FROM pipelines WHERE id = $1`, id)
}

// PipelineConfig is what a pipeline has of config vars for a stage.
func (tx *Tx) PipelineConfig(id string, s cloister.Stage) (map[string]cloister.Secret, error) {
	vars, err := one(tx, "config", func(tx *Tx, r row) (v map[string]cloister.Secret, err error) {
		err = r.Scan(unsealed{tx, &v})
		return v, err
	}, `SELECT config FROM pipeline_config WHERE pipeline_id = $1 AND stage = $2`, id, string(s))
	if cloister.KindOf(err) == cloister.NotFound {
		return map[string]cloister.Secret{}, nil
	}
	return vars, err
}

// PutPipelineConfig writes the config vars of a pipeline for a stage, in place of those before.
func (tx *Tx) PutPipelineConfig(id string, s cloister.Stage, vars map[string]cloister.Secret) error {
	return tx.exec(`
		INSERT INTO pipeline_config (pipeline_id, stage, config) VALUES ($1, $2, $3)
		ON CONFLICT (pipeline_id, stage) DO UPDATE SET config = excluded.config`, id, string(s), tx.sealed(vars))
}

const couplingColumns = `id, pipeline_id, app_id, stage, created_at, updated_at`

func scanCoupling(_ *Tx, r row) (c cloister.Coupling, err error) {
	err = r.Scan(&c.ID, &c.PipelineID, &c.AppID, &c.Stage, when{&c.CreatedAt}, when{&c.UpdatedAt})
	return c, err
}

// Coupling finds a coupling by its own id, or by that of its app.
func (tx *Tx) Coupling(id string) (cloister.Coupling, error) {
	return one(tx, "pipeline_coupling", scanCoupling, `SELECT `+couplingColumns+` FROM couplings WHERE id = $1 OR app_id = $1`, id)
}

// Couplings lists the couplings of a pipeline, the oldest first.
func (tx *Tx) Couplings(pipelineID string) ([]cloister.Coupling, error) {
	return many(tx, scanCoupling, `
		SELECT `+couplingColumns+` FROM couplings WHERE pipeline_id = $1 ORDER BY created_at, id`, pipelineID)
}

// A CouplingFilter narrows a list of couplings; empty fields do not.
type CouplingFilter struct {
	Pipeline string // id
	Team     string // id of the team that owns the pipeline
}

// CouplingsSeen lists the couplings whose apps a user sees, by the name of the pipeline, and then the oldest first.
func (tx *Tx) CouplingsSeen(userID string, f CouplingFilter) ([]cloister.Coupling, error) {
	return many(tx, scanCoupling, `
		SELECT c.id, c.pipeline_id, c.app_id, c.stage, c.created_at, c.updated_at
		FROM couplings c JOIN apps ON apps.id = c.app_id JOIN pipelines p ON p.id = c.pipeline_id
		WHERE `+fmt.Sprintf(appsSeen, 1)+` AND ($2 = '' OR p.id = $2) AND ($3 = '' OR p.team_id = $3)
		ORDER BY p.name, p.id, c.created_at, c.id`, userID, f.Pipeline, f.Team)
}

// CouplingsIn lists the couplings of the apps of a space, the oldest first.
func (tx *Tx) CouplingsIn(spaceID string) ([]cloister.Coupling, error) {
	return many(tx, scanCoupling, `
		SELECT `+couplingColumns+`
		FROM couplings
		WHERE app_id IN (SELECT id FROM apps WHERE space_id = $1)
		ORDER BY created_at, id`, spaceID)
}

// InsertCoupling gives an app a place in a pipeline; a second one is a Conflict.
func (tx *Tx) InsertCoupling(c cloister.Coupling) error {
	return tx.exec(`
		INSERT INTO couplings (`+couplingColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		c.ID, c.PipelineID, c.AppID, string(c.Stage), at(c.CreatedAt), at(c.UpdatedAt))
}

// SetStage moves an app to another stage of its pipeline.
func (tx *Tx) SetStage(id string, s cloister.Stage) error {
	return tx.must("pipeline_coupling", `UPDATE couplings SET stage = $1, updated_at = $2 WHERE id = $3`, string(s), at(tx.Now), id)
}

// DeleteCoupling takes an app out of its pipeline.
func (tx *Tx) DeleteCoupling(id string) error {
	return tx.must("pipeline_coupling", `DELETE FROM couplings WHERE id = $1`, id)
}

// Promotion finds a promotion by id.
func (tx *Tx) Promotion(id string) (cloister.Promotion, error) {
	return one(tx, "pipeline_promotion", func(_ *Tx, r row) (p cloister.Promotion, err error) {
		err = r.Scan(&p.ID, &p.PipelineID, &p.AppID, &p.ReleaseID, when{&p.CreatedAt})
		return p, err
	}, `SELECT id, pipeline_id, app_id, release_id, created_at FROM promotions WHERE id = $1`, id)
}

// PromotionTargets lists the targets of a promotion as their releases are. One whose app is gone has failed.
func (tx *Tx) PromotionTargets(id string) ([]cloister.PromotionTarget, error) {
	return many(tx, func(_ *Tx, r row) (t cloister.PromotionTarget, err error) {
		err = r.Scan(&t.ID, &t.PromotionID, &t.AppID, &t.ReleaseID, &t.Status, &t.Error)
		return t, err
	}, `
		SELECT t.id, t.promotion_id, t.app_id, COALESCE(r.id, ''), COALESCE(r.status, 'failed'), t.error
		FROM promotion_targets t LEFT JOIN releases r ON r.id = t.release_id
		WHERE t.promotion_id = $1
		ORDER BY t.app_id`, id)
}

// InsertPromotion records a promotion and its targets.
func (tx *Tx) InsertPromotion(p cloister.Promotion, targets []cloister.PromotionTarget) error {
	if err := tx.exec(`INSERT INTO promotions (id, pipeline_id, app_id, release_id, created_at) VALUES ($1, $2, $3, $4, $5)`,
		p.ID, p.PipelineID, p.AppID, p.ReleaseID, at(p.CreatedAt)); err != nil {
		return err
	}
	for _, t := range targets {
		if err := tx.exec(`
			INSERT INTO promotion_targets (id, promotion_id, app_id, release_id, error)
			VALUES ($1, $2, $3, $4, $5)`, t.ID, p.ID, t.AppID, t.ReleaseID, t.Error); err != nil {
			return err
		}
	}
	return nil
}
