package heroku

import (
	"context"
	"net/http"
)

// A Release is one version of an app.
type Release struct {
	ID                  string         `json:"id"`
	Version             int            `json:"version"`
	App                 Named          `json:"app"`
	AddonPlanNames      List[string]   `json:"addon_plan_names"`
	Artifacts           List[Artifact] `json:"artifacts"`
	Current             bool           `json:"current"`
	Description         string         `json:"description"`
	EligibleForRollback bool           `json:"eligible_for_rollback"`
	OCIImage            *ID            `json:"oci_image"`
	OutputStreamURL     *string        `json:"output_stream_url"`
	Slug                *ID            `json:"slug"`
	Status              string         `json:"status"` // pending, succeeded, failed, expired
	User                Person         `json:"user"`
	CreatedAt           Time           `json:"created_at"`
	UpdatedAt           Time           `json:"updated_at"`
}

// An Artifact is what a release runs.
type Artifact struct {
	Type string `json:"type"` // "slug" or "oci-image"
	ID   string `json:"id"`
}

// ReleaseCreateOpts makes a release: of a slug, or like an earlier release, which is a rollback.
type ReleaseCreateOpts struct {
	Slug        Ref    `json:"slug,omitempty"`
	OCIImage    Ref    `json:"oci_image,omitempty"`
	Release     Ref    `json:"release,omitempty"`
	Description string `json:"description,omitempty"`
}

// Releases lists the releases of an app that r asks for.
func (c *Client) Releases(ctx context.Context, app string, r Range) ([]Release, error) {
	return some[Release](ctx, c, Path("/apps/%s/releases", app), r)
}

// Release is one release by its id or version.
func (c *Client) Release(ctx context.Context, app, release string) (Release, error) {
	return get[Release](ctx, c, Path("/apps/%s/releases/%s", app, release))
}

// CreateRelease releases a slug, or an earlier release again.
func (c *Client) CreateRelease(ctx context.Context, app string, in ReleaseCreateOpts) (Release, error) {
	return call[Release](ctx, c, http.MethodPost, Path("/apps/%s/releases", app), in)
}
