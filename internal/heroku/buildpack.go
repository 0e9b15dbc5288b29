package heroku

import (
	"context"
	"net/http"
)

// A BuildpackInstallation is one entry of an app's ordered list of buildpacks.
type BuildpackInstallation struct {
	Ordinal   int       `json:"ordinal"`
	Buildpack Buildpack `json:"buildpack"`
}

// A Buildpack is where a buildpack comes from, and how the app's owner named it.
type Buildpack struct {
	URL  string `json:"url"`
	Name string `json:"name"`
}

// BuildpackUpdateOpts replaces the list.
type BuildpackUpdateOpts struct {
	Updates List[BuildpackUpdate] `json:"updates"`
}

// A BuildpackUpdate is one entry of a new list: a name or a URL.
type BuildpackUpdate struct {
	Buildpack Ref `json:"buildpack"`
}

// Buildpacks lists the buildpacks of an app, in their order.
func (c *Client) Buildpacks(ctx context.Context, app string) ([]BuildpackInstallation, error) {
	return all[BuildpackInstallation](ctx, c, Path("/apps/%s/buildpack-installations", app))
}

// SetBuildpacks replaces the buildpacks of an app.
func (c *Client) SetBuildpacks(ctx context.Context, app string, buildpacks []string) ([]BuildpackInstallation, error) {
	in := BuildpackUpdateOpts{}
	for _, b := range buildpacks {
		in.Updates = append(in.Updates, BuildpackUpdate{Buildpack: Ref(b)})
	}
	return call[[]BuildpackInstallation](ctx, c, http.MethodPut, Path("/apps/%s/buildpack-installations", app), in)
}
