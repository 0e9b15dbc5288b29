package heroku

import (
	"context"
	"net/http"
)

// An App is an app of a team or of a person: the superset of Heroku's app and team app. repo_size and slug_size are
// always there, if only as null, since the official CLI fails without the key.
type App struct {
	ID                           string    `json:"id"`
	Name                         string    `json:"name"`
	ACM                          bool      `json:"acm"`
	Stack                        Named     `json:"stack"`
	BuildStack                   Named     `json:"build_stack"`
	BuildpackProvidedDescription *string   `json:"buildpack_provided_description"`
	CreateStatus                 string    `json:"create_status,omitempty"`
	Generation                   Named     `json:"generation"`
	GitURL                       string    `json:"git_url"`
	WebURL                       *string   `json:"web_url"`
	InternalRouting              bool      `json:"internal_routing"`
	Joined                       bool      `json:"joined"`
	Locked                       bool      `json:"locked"`
	Maintenance                  bool      `json:"maintenance"`
	BootTimeout                  Int       `json:"boot_timeout"` // seconds; ours
	Owner                        Person    `json:"owner"`
	Organization                 *Named    `json:"organization"`
	Team                         *Named    `json:"team"`
	Region                       Named     `json:"region"`
	Space                        *AppSpace `json:"space"`
	RepoSize                     *int64    `json:"repo_size"`
	SlugSize                     *int64    `json:"slug_size"`
	ArchivedAt                   Time      `json:"archived_at"`
	ReleasedAt                   Time      `json:"released_at"`
	CreatedAt                    Time      `json:"created_at"`
	UpdatedAt                    Time      `json:"updated_at"`
}

// An AppSpace is the space of an app.
type AppSpace struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Shield bool   `json:"shield"`
}

// AppCreateOpts makes an app, by POST /apps or POST /teams/apps. With a space the team follows from it.
type AppCreateOpts struct {
	Name            string `json:"name,omitempty"`
	Space           Ref    `json:"space,omitempty"`
	Team            Ref    `json:"team,omitempty"`
	Organization    Ref    `json:"organization,omitempty"`
	Region          Ref    `json:"region,omitempty"`
	Stack           Ref    `json:"stack,omitempty"`
	InternalRouting bool   `json:"internal_routing,omitempty"`
	Locked          bool   `json:"locked,omitempty"`
	Personal        bool   `json:"personal,omitempty"`
}

// AppUpdateOpts changes an app, by PATCH /apps/… or PATCH /teams/apps/…; what is nil stays.
type AppUpdateOpts struct {
	Name        *string `json:"name,omitempty"`
	BuildStack  *Ref    `json:"build_stack,omitempty"`
	Maintenance *bool   `json:"maintenance,omitempty"`
	BootTimeout *Int    `json:"boot_timeout,omitempty"` // seconds; ours
	Locked      *bool   `json:"locked,omitempty"`
	Owner       *Ref    `json:"owner,omitempty"`
}

// Apps lists the apps that the caller sees.
func (c *Client) Apps(ctx context.Context) ([]App, error) {
	return all[App](ctx, c, "/apps")
}

// TeamApps lists the apps of a team.
func (c *Client) TeamApps(ctx context.Context, team string) ([]App, error) {
	return all[App](ctx, c, Path("/teams/%s/apps", team))
}

// App is one app by its name or id.
func (c *Client) App(ctx context.Context, app string) (App, error) {
	return get[App](ctx, c, Path("/apps/%s", app))
}

// CreateApp makes an app.
func (c *Client) CreateApp(ctx context.Context, in AppCreateOpts) (App, error) {
	path := "/apps"
	if in.Space != "" || in.Team != "" {
		path = "/teams/apps"
	}
	return call[App](ctx, c, http.MethodPost, path, in)
}

// UpdateApp changes an app.
func (c *Client) UpdateApp(ctx context.Context, app string, in AppUpdateOpts) (App, error) {
	return call[App](ctx, c, http.MethodPatch, Path("/apps/%s", app), in)
}

// DeleteApp destroys an app and all that belongs to it.
func (c *Client) DeleteApp(ctx context.Context, app string) (App, error) {
	return call[App](ctx, c, http.MethodDelete, Path("/apps/%s", app), nil)
}
