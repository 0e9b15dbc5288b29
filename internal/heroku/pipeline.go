package heroku

import (
	"context"
	"net/http"
	"net/url"
)

// A Pipeline is a way that code takes from app to app.
type Pipeline struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Owner      *PipelineOwner `json:"owner"`
	Generation Named          `json:"generation"`
	CreatedAt  Time           `json:"created_at"`
	UpdatedAt  Time           `json:"updated_at"`
}

// A PipelineOwner is who a pipeline belongs to.
type PipelineOwner struct {
	ID   string `json:"id"`
	Type string `json:"type"` // "team" or "user"
}

// PipelineCreateOpts makes a pipeline. Without an owner it is the caller's.
type PipelineCreateOpts struct {
	Name  string         `json:"name"`
	Owner *PipelineOwner `json:"owner,omitempty"`
}

// PipelineUpdateOpts changes a pipeline; what is nil stays.
type PipelineUpdateOpts struct {
	Name *string `json:"name,omitempty"`
}

// A PipelineCoupling is an app's place in a pipeline.
type PipelineCoupling struct {
	ID        string `json:"id"`
	App       ID     `json:"app"`
	Pipeline  Named  `json:"pipeline"`
	Stage     string `json:"stage"` // "test", "review", "development", "staging" or "production"
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

// PipelineCouplingOpts gives an app a place in a pipeline, or another stage.
type PipelineCouplingOpts struct {
	App      Ref    `json:"app,omitempty"`
	Pipeline Ref    `json:"pipeline,omitempty"`
	Stage    string `json:"stage"`
}

// PipelineTransferOpts gives a pipeline to somebody.
type PipelineTransferOpts struct {
	Pipeline Ref           `json:"pipeline"`
	NewOwner PipelineOwner `json:"new_owner"`
}

// A PipelineTransfer is that a pipeline was given to somebody.
type PipelineTransfer struct {
	Pipeline      ID             `json:"pipeline"`
	PreviousOwner *PipelineOwner `json:"previous_owner"`
	NewOwner      *PipelineOwner `json:"new_owner"`
}

// A PipelinePromotion is code on its way from one app of a pipeline to others.
type PipelinePromotion struct {
	ID        string          `json:"id"`
	Pipeline  ID              `json:"pipeline"`
	Source    PromotionSource `json:"source"`
	Status    string          `json:"status"` // "pending" or "completed"
	CreatedAt Time            `json:"created_at"`
	UpdatedAt Time            `json:"updated_at"`
}

// A PromotionSource is what is promoted.
type PromotionSource struct {
	App     ID `json:"app"`
	Release ID `json:"release"`
}

// PipelinePromotionOpts promotes code.
type PipelinePromotionOpts struct {
	Pipeline Ref `json:"pipeline"`
	Source   struct {
		App     Ref `json:"app"`
		Release Ref `json:"release,omitempty"` // the current one
	} `json:"source"`
	Targets []PromotionTo `json:"targets"`
}

// A PromotionTo is an app that code is promoted to.
type PromotionTo struct {
	App Ref `json:"app"`
}

// A PipelinePromotionTarget is how promoting to one app goes.
type PipelinePromotionTarget struct {
	ID                string  `json:"id"`
	App               ID      `json:"app"`
	PipelinePromotion ID      `json:"pipeline_promotion"`
	Release           *ID     `json:"release"`       // null: none could be made
	Status            string  `json:"status"`        // "pending", "succeeded" or "failed"
	ErrorMessage      *string `json:"error_message"` // null: nothing failed
}

// A PipelineStack is the stack that apps of a pipeline are built on.
type PipelineStack struct {
	Stack *Named `json:"stack"`
}

// AppFilterOpts asks for apps by their ids.
type AppFilterOpts struct {
	In struct {
		ID []string `json:"id"`
	} `json:"in"`
}

// Pipelines lists the pipelines that the caller sees: all, or those of a name.
func (c *Client) Pipelines(ctx context.Context, name string) ([]Pipeline, error) {
	path := "/pipelines"
	if name != "" {
		path += "?" + url.Values{"eq[name]": {name}}.Encode()
	}
	return all[Pipeline](ctx, c, path)
}

// Pipeline finds a pipeline by id or name.
func (c *Client) Pipeline(ctx context.Context, pipeline string) (Pipeline, error) {
	return call[Pipeline](ctx, c, http.MethodGet, Path("/pipelines/%s", pipeline), nil)
}

// CreatePipeline makes a pipeline.
func (c *Client) CreatePipeline(ctx context.Context, in PipelineCreateOpts) (Pipeline, error) {
	return call[Pipeline](ctx, c, http.MethodPost, "/pipelines", in)
}

// UpdatePipeline changes a pipeline.
func (c *Client) UpdatePipeline(ctx context.Context, pipeline string, in PipelineUpdateOpts) (Pipeline, error) {
	return call[Pipeline](ctx, c, http.MethodPatch, Path("/pipelines/%s", pipeline), in)
}

// DeletePipeline deletes a pipeline; its apps stay.
func (c *Client) DeletePipeline(ctx context.Context, pipeline string) (Pipeline, error) {
	return call[Pipeline](ctx, c, http.MethodDelete, Path("/pipelines/%s", pipeline), nil)
}

// TransferPipeline gives a pipeline to somebody.
func (c *Client) TransferPipeline(ctx context.Context, in PipelineTransferOpts) (PipelineTransfer, error) {
	return call[PipelineTransfer](ctx, c, http.MethodPost, "/pipeline-transfers", in)
}

// PipelineConfig is the config vars of a pipeline for a stage.
func (c *Client) PipelineConfig(ctx context.Context, pipeline, stage string) (ConfigVars, error) {
	return call[ConfigVars](ctx, c, http.MethodGet, Path("/pipelines/%s/stage/%s/config-vars", pipeline, stage), nil)
}

// SetPipelineConfig sets and, where the value is nil, removes config vars of a pipeline for a stage.
func (c *Client) SetPipelineConfig(ctx context.Context, pipeline, stage string, in ConfigVarUpdateOpts) (ConfigVars, error) {
	return call[ConfigVars](ctx, c, http.MethodPatch, Path("/pipelines/%s/stage/%s/config-vars", pipeline, stage), in)
}

// PipelineCouplings lists the apps of a pipeline.
func (c *Client) PipelineCouplings(ctx context.Context, pipeline string) ([]PipelineCoupling, error) {
	return all[PipelineCoupling](ctx, c, Path("/pipelines/%s/pipeline-couplings", pipeline))
}

// CouplingOf is the place of an app in its pipeline.
func (c *Client) CouplingOf(ctx context.Context, app string) (PipelineCoupling, error) {
	return call[PipelineCoupling](ctx, c, http.MethodGet, Path("/apps/%s/pipeline-couplings", app), nil)
}

// Couple gives an app a place in a pipeline.
func (c *Client) Couple(ctx context.Context, in PipelineCouplingOpts) (PipelineCoupling, error) {
	return call[PipelineCoupling](ctx, c, http.MethodPost, "/pipeline-couplings", in)
}

// SetStage moves an app to another stage.
func (c *Client) SetStage(ctx context.Context, coupling, stage string) (PipelineCoupling, error) {
	return call[PipelineCoupling](ctx, c, http.MethodPatch, Path("/pipeline-couplings/%s", coupling), PipelineCouplingOpts{Stage: stage})
}

// Uncouple takes an app out of its pipeline.
func (c *Client) Uncouple(ctx context.Context, coupling string) (PipelineCoupling, error) {
	return call[PipelineCoupling](ctx, c, http.MethodDelete, Path("/pipeline-couplings/%s", coupling), nil)
}

// Promote releases the code of one app of a pipeline to others.
func (c *Client) Promote(ctx context.Context, in PipelinePromotionOpts) (PipelinePromotion, error) {
	return call[PipelinePromotion](ctx, c, http.MethodPost, "/pipeline-promotions", in)
}

// PromotionTargets lists how a promotion goes, app by app.
func (c *Client) PromotionTargets(ctx context.Context, promotion string) ([]PipelinePromotionTarget, error) {
	return all[PipelinePromotionTarget](ctx, c, Path("/pipeline-promotions/%s/promotion-targets", promotion))
}
