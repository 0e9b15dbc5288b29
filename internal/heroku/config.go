package heroku

import (
	"context"
	"net/http"
)

// ConfigVars are the config vars of an app.
type ConfigVars = Map

// ConfigVarUpdateOpts changes config vars: a value sets, nil removes, what is not named stays.
type ConfigVarUpdateOpts map[string]*string

// ConfigVars reads the config vars of an app.
func (c *Client) ConfigVars(ctx context.Context, app string) (ConfigVars, error) {
	return get[ConfigVars](ctx, c, Path("/apps/%s/config-vars", app))
}

// UpdateConfigVars changes config vars and gives all that there are then. A release that has them exists when it returns.
func (c *Client) UpdateConfigVars(ctx context.Context, app string, in ConfigVarUpdateOpts) (ConfigVars, error) {
	return call[ConfigVars](ctx, c, http.MethodPatch, Path("/apps/%s/config-vars", app), in)
}

// ReleaseConfigVars reads the config vars of one release, by its version or id.
func (c *Client) ReleaseConfigVars(ctx context.Context, app, release string) (ConfigVars, error) {
	return get[ConfigVars](ctx, c, Path("/apps/%s/releases/%s/config-vars", app, release))
}
