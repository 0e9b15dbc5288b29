package heroku

import (
	"context"
	"net/http"
)

// A Feature is something that an app, an account or a team can have switched on.
type Feature struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	DisplayName   string `json:"display_name"`
	Description   string `json:"description"`
	DocURL        string `json:"doc_url"`
	FeedbackEmail string `json:"feedback_email"`
	State         string `json:"state"` // "general" is listed by features, everything else by labs
	Enabled       bool   `json:"enabled"`
	CreatedAt     Time   `json:"created_at"`
	UpdatedAt     Time   `json:"updated_at"`
}

// FeatureUpdateOpts switches a feature.
type FeatureUpdateOpts struct {
	Enabled bool `json:"enabled"`
}

// AppFeatures lists the features of an app.
func (c *Client) AppFeatures(ctx context.Context, app string) ([]Feature, error) {
	return all[Feature](ctx, c, Path("/apps/%s/features", app))
}

// AppFeature is a feature of an app.
func (c *Client) AppFeature(ctx context.Context, app, feature string) (Feature, error) {
	return get[Feature](ctx, c, Path("/apps/%s/features/%s", app, feature))
}

// SetAppFeature switches a feature of an app.
func (c *Client) SetAppFeature(ctx context.Context, app, feature string, in FeatureUpdateOpts) (Feature, error) {
	return call[Feature](ctx, c, http.MethodPatch, Path("/apps/%s/features/%s", app, feature), in)
}
