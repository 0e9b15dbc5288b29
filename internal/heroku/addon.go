package heroku

import "context"

// An Addon is a service that an app uses.
type Addon struct {
	ID               string               `json:"id"`
	Name             string               `json:"name"`
	State            string               `json:"state"` // provisioning, provisioned, deprovisioning, deprovisioned
	App              Named                `json:"app"`
	AddonService     Named                `json:"addon_service"`
	Plan             Plan                 `json:"plan"`
	BillingEntity    Billing              `json:"billing_entity"`
	BilledPrice      *Price               `json:"billed_price"`
	ConfigVars       List[string]         `json:"config_vars"`
	Actions          List[map[string]any] `json:"actions"`
	WebURL           *string              `json:"web_url"`
	ProviderID       string               `json:"provider_id"`
	ProvisionMessage string               `json:"provision_message,omitempty"`
	CreatedAt        Time                 `json:"created_at"`
	UpdatedAt        Time                 `json:"updated_at"`
}

// A Plan is how much of a service an add-on is. Relations have only its id and name, lists of plans all of it.
type Plan struct {
	ID          string `json:"id"`
	Name        string `json:"name"` // "heroku-postgresql:private-0"
	HumanName   string `json:"human_name,omitempty"`
	Description string `json:"description,omitempty"`
	Default     bool   `json:"default,omitempty"`
	State       string `json:"state,omitempty"`
	Price       *Price `json:"price,omitempty"`
}

// A Billing is who pays for an add-on.
type Billing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"` // app or team
}

// A Price is what something costs; here, always nothing.
type Price struct {
	Cents    int    `json:"cents"`
	Unit     string `json:"unit"`
	Contract bool   `json:"contract"`
	Metered  bool   `json:"metered,omitempty"`
}

// An Attachment lends an add-on to an app under a name.
type Attachment struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Namespace   *string      `json:"namespace"`
	Addon       AddonRef     `json:"addon"`
	App         Named        `json:"app"`
	ConfigVars  List[string] `json:"config_vars"`
	WebURL      *string      `json:"web_url"`
	LogInputURL *string      `json:"log_input_url"`
	CreatedAt   Time         `json:"created_at"`
	UpdatedAt   Time         `json:"updated_at"`
}

// An AddonRef is how an attachment points at its add-on.
type AddonRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	App  Named  `json:"app"`
	Plan Named  `json:"plan"`
}

// Addons lists the add-ons that the caller sees.
func (c *Client) Addons(ctx context.Context) ([]Addon, error) {
	return all[Addon](ctx, c, "/addons", Expand("addon_service,plan"))
}

// AppAddons lists the add-ons of an app.
func (c *Client) AppAddons(ctx context.Context, app string) ([]Addon, error) {
	return all[Addon](ctx, c, Path("/apps/%s/addons", app), Expand("addon_service,plan"))
}

// Attachments lists the attachments of an app.
func (c *Client) Attachments(ctx context.Context, app string) ([]Attachment, error) {
	return all[Attachment](ctx, c, Path("/apps/%s/addon-attachments", app))
}
