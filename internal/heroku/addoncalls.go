package heroku

import "context"

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
