package heroku

import (
	"context"
	"encoding/json"
)

var wholeAddons = Expand("addon_service,plan")

// Addons lists the add-ons that the caller sees.
func (c *Client) Addons(ctx context.Context) ([]Addon, error) {
	return all[Addon](ctx, c, "/addons", wholeAddons)
}

// AppAddons lists the add-ons of an app.
func (c *Client) AppAddons(ctx context.Context, app string) ([]Addon, error) {
	return all[Addon](ctx, c, Path("/apps/%s/addons", app), wholeAddons)
}

// CreateAddon makes an add-on for an app.
func (c *Client) CreateAddon(ctx context.Context, app string, in AddonOpts) (out Addon, err error) {
	return out, c.Do(ctx, "POST", Path("/apps/%s/addons", app), in, &out)
}

// UpdateAddon changes an add-on.
func (c *Client) UpdateAddon(ctx context.Context, app, addon string, in AddonUpdateOpts) (out Addon, err error) {
	return out, c.Do(ctx, "PATCH", Path("/apps/%s/addons/%s", app, addon), in, &out)
}

// DeleteAddon destroys an add-on.
func (c *Client) DeleteAddon(ctx context.Context, app, addon string, in AddonDeleteOpts) (out Addon, err error) {
	return out, c.Do(ctx, "DELETE", Path("/apps/%s/addons/%s", app, addon), in, &out)
}

// AddonInApp finds an add-on of an app.
func (c *Client) AddonInApp(ctx context.Context, app, addon string) (out Addon, err error) {
	return out, c.Do(ctx, "GET", Path("/apps/%s/addons/%s", app, addon), nil, &out)
}

// ResolveAddons finds the add-ons that somebody may mean.
func (c *Client) ResolveAddons(ctx context.Context, in AddonResolveOpts) (out []Addon, err error) {
	return out, c.Do(ctx, "POST", "/actions/addons/resolve", in, &out)
}

// AddonSSO is how a browser goes to the page of an add-on at its provider. It is a secret: who has it is the caller there.
func (c *Client) AddonSSO(ctx context.Context, app, addon string) (AddonSSO, error) {
	return get[AddonSSO](ctx, c, Path("/apps/%s/addons/%s/sso", app, addon))
}

// AllAttachments lists the attachments of all apps that the caller sees.
func (c *Client) AllAttachments(ctx context.Context) ([]Attachment, error) {
	return all[Attachment](ctx, c, "/addon-attachments")
}

// AppAttachment finds an attachment of an app by its name or id.
func (c *Client) AppAttachment(ctx context.Context, app, attachment string) (Attachment, error) {
	return get[Attachment](ctx, c, Path("/apps/%s/addon-attachments/%s", app, attachment))
}

// Attachments lists the attachments of an app.
func (c *Client) Attachments(ctx context.Context, app string) ([]Attachment, error) {
	return all[Attachment](ctx, c, Path("/apps/%s/addon-attachments", app))
}

// AddonAttachments lists where an add-on is attached.
func (c *Client) AddonAttachments(ctx context.Context, addon string) ([]Attachment, error) {
	return all[Attachment](ctx, c, Path("/addons/%s/addon-attachments", addon))
}

// CreateAttachment attaches an add-on to an app.
func (c *Client) CreateAttachment(ctx context.Context, in AttachmentOpts) (out Attachment, err error) {
	return out, c.Do(ctx, "POST", "/addon-attachments", in, &out)
}

// DeleteAttachment detaches an add-on from an app.
func (c *Client) DeleteAttachment(ctx context.Context, id string) (out Attachment, err error) {
	return out, c.Do(ctx, "DELETE", Path("/addon-attachments/%s", id), nil, &out)
}

// ResolveAttachments finds the attachments that somebody may mean.
func (c *Client) ResolveAttachments(ctx context.Context, in AttachmentResolveOpts) (out []Attachment, err error) {
	return out, c.Do(ctx, "POST", "/actions/addon-attachments/resolve", in, &out)
}

// AddonServices lists what add-ons can be made of.
func (c *Client) AddonServices(ctx context.Context) ([]AddonService, error) {
	return all[AddonService](ctx, c, "/addon-services")
}

// Plans lists the plans of a service.
func (c *Client) Plans(ctx context.Context, service string) ([]Plan, error) {
	return all[Plan](ctx, c, Path("/addon-services/%s/plans", service))
}

// AddonService finds a service by its name or id.
func (c *Client) AddonService(ctx context.Context, service string) (AddonService, error) {
	return get[AddonService](ctx, c, Path("/addon-services/%s", service))
}

// AddAddonService makes the service of a provider known by its manifest, or changes what that says.
func (c *Client) AddAddonService(ctx context.Context, manifest json.RawMessage) (AddonService, error) {
	return call[AddonService](ctx, c, "POST", "/addon-services", manifest)
}

// ChangeAddonService says whether there are to be new add-ons of a service.
func (c *Client) ChangeAddonService(ctx context.Context, service string, in ServiceOpts) (AddonService, error) {
	return call[AddonService](ctx, c, "PATCH", Path("/addon-services/%s", service), in)
}

// RemoveAddonService takes the service of a provider out of the catalogue.
func (c *Client) RemoveAddonService(ctx context.Context, service string) (AddonService, error) {
	return call[AddonService](ctx, c, "DELETE", Path("/addon-services/%s", service), nil)
}

// ChangePlan sets the price of a plan, and where it is to be had.
func (c *Client) ChangePlan(ctx context.Context, service, plan string, in PlanOpts) (Plan, error) {
	return call[Plan](ctx, c, "PATCH", Path("/addon-services/%s/plans/%s", service, plan), in)
}
