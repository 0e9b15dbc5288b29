package heroku

import (
	"context"
	"net/http"
)

// A Build makes a slug of source code.
type Build struct {
	ID              string          `json:"id"`
	App             ID              `json:"app"`
	Buildpacks      List[Buildpack] `json:"buildpacks"`
	OutputStreamURL string          `json:"output_stream_url"`
	Release         *ID             `json:"release"`
	Slug            *ID             `json:"slug"`
	SourceBlob      SourceBlob      `json:"source_blob"`
	Stack           string          `json:"stack"`
	Status          string          `json:"status"` // pending, succeeded, failed
	User            Person          `json:"user"`
	CreatedAt       Time            `json:"created_at"`
	UpdatedAt       Time            `json:"updated_at"`
}

// A SourceBlob is the archive that a build starts from.
type SourceBlob struct {
	URL                string  `json:"url"`
	Checksum           *string `json:"checksum"` // "SHA256:<hex>"
	Version            *string `json:"version"`
	VersionDescription *string `json:"version_description"`
}

// BuildCreateOpts starts a build. Buildpacks replace the app's list for this build and those to come.
type BuildCreateOpts struct {
	SourceBlob SourceBlob  `json:"source_blob"`
	Buildpacks []Buildpack `json:"buildpacks,omitempty"`
}

// A Source is a place to upload an archive to, for a build to read.
type Source struct {
	SourceBlob SourceURLs `json:"source_blob"`
}

// SourceURLs carry their own secrets: they are used without a token.
type SourceURLs struct {
	GetURL string `json:"get_url"`
	PutURL string `json:"put_url"`
}

// A Slug is what a build makes: an archive, and the commands it knows.
type Slug struct {
	ID                           string  `json:"id"`
	Blob                         Blob    `json:"blob"`
	BuildpackProvidedDescription *string `json:"buildpack_provided_description"`
	Checksum                     *string `json:"checksum"`
	Commit                       *string `json:"commit"`
	CommitDescription            *string `json:"commit_description"`
	ProcessTypes                 Map     `json:"process_types"`
	Size                         *int64  `json:"size"`
	Stack                        Named   `json:"stack"`
	CreatedAt                    Time    `json:"created_at"`
	UpdatedAt                    Time    `json:"updated_at"`
}

// A Blob is how to read or write the archive of a slug.
type Blob struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

// SlugCreateOpts makes a slug whose archive the caller uploads.
type SlugCreateOpts struct {
	ProcessTypes                 Map     `json:"process_types"`
	BuildpackProvidedDescription *string `json:"buildpack_provided_description,omitempty"`
	Checksum                     *string `json:"checksum,omitempty"`
	Commit                       *string `json:"commit,omitempty"`
	CommitDescription            *string `json:"commit_description,omitempty"`
	Stack                        Ref     `json:"stack,omitempty"`
}

// Builds lists the builds of an app.
func (c *Client) Builds(ctx context.Context, app string) ([]Build, error) {
	return all[Build](ctx, c, Path("/apps/%s/builds", app))
}

// Build is one build by its id.
func (c *Client) Build(ctx context.Context, app, id string) (Build, error) {
	return get[Build](ctx, c, Path("/apps/%s/builds/%s", app, id))
}

// CreateBuild starts a build; its output is read with Stream.
func (c *Client) CreateBuild(ctx context.Context, app string, in BuildCreateOpts) (Build, error) {
	return call[Build](ctx, c, http.MethodPost, Path("/apps/%s/builds", app), in)
}

// CancelBuild stops a build.
func (c *Client) CancelBuild(ctx context.Context, app, id string) (Build, error) {
	return call[Build](ctx, c, http.MethodDelete, Path("/apps/%s/builds/%s", app, id), nil)
}

// CreateSource asks for a place to upload an archive to.
func (c *Client) CreateSource(ctx context.Context) (Source, error) {
	return call[Source](ctx, c, http.MethodPost, "/sources", nil)
}

// Slug is one slug by its id.
func (c *Client) Slug(ctx context.Context, app, id string) (Slug, error) {
	return get[Slug](ctx, c, Path("/apps/%s/slugs/%s", app, id))
}

// CreateSlug makes a slug whose archive the caller uploads to its blob.
func (c *Client) CreateSlug(ctx context.Context, app string, in SlugCreateOpts) (Slug, error) {
	return call[Slug](ctx, c, http.MethodPost, Path("/apps/%s/slugs", app), in)
}
