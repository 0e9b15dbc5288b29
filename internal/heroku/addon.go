package heroku

// An Addon is a service that an app uses.
type Addon struct {
	ID               string               `json:"id"`
	Name             string               `json:"name"`
	State            string               `json:"state"` // provisioning, provisioned, deprovisioning, deprovisioned
	App              Named                `json:"app"`
	AddonService     AddonService         `json:"addon_service"`
	Plan             Plan                 `json:"plan"`
	BillingEntity    Billing              `json:"billing_entity"`
	BilledPrice      Price                `json:"billed_price"`
	ConfigVars       List[string]         `json:"config_vars"`
	Actions          List[map[string]any] `json:"actions"`
	WebURL           *string              `json:"web_url"`
	ProviderID       string               `json:"provider_id"`
	ProvisionMessage string               `json:"provision_message,omitempty"`
	CreatedAt        Time                 `json:"created_at"`
	UpdatedAt        Time                 `json:"updated_at"`
}

// An AddonService is what add-ons can be made of.
type AddonService struct {
	ID               string      `json:"id"`
	Name             string      `json:"name"`
	HumanName        string      `json:"human_name"`
	CLIPluginName    *string     `json:"cli_plugin_name"`
	State            string      `json:"state"` // ga, shutdown
	SupportsMultiple bool        `json:"supports_multiple_installations"`
	SupportsSharing  bool        `json:"supports_sharing"`
	Generations      List[Named] `json:"supported_generations"`
	CreatedAt        Time        `json:"created_at"`
	UpdatedAt        Time        `json:"updated_at"`
}

// A Plan is how much of a service an add-on is.
type Plan struct {
	ID           string       `json:"id"`
	Name         string       `json:"name"` // "heroku-postgresql:private-0"
	HumanName    string       `json:"human_name"`
	Description  string       `json:"description"`
	AddonService Named        `json:"addon_service"`
	Default      bool         `json:"default"`
	SpaceDefault bool         `json:"space_default"`
	Inside       bool         `json:"installable_inside_private_network"`
	Outside      bool         `json:"installable_outside_private_network"`
	Compliance   List[string] `json:"compliance"`
	Regions      List[string] `json:"regions"` // Cloister's own: where it is to be had
	Price        Price        `json:"price"`
	State        string       `json:"state"`
	Visible      bool         `json:"visible"`
	CreatedAt    Time         `json:"created_at"`
	UpdatedAt    Time         `json:"updated_at"`
}

// A Billing is who pays for an add-on.
type Billing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"` // app or team
}

// A Price is what something costs: what the operator has set.
type Price struct {
	Cents    int    `json:"cents"`
	Unit     string `json:"unit"`
	Contract bool   `json:"contract"`
	Metered  bool   `json:"metered"`
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

// AddonOpts is what is asked for when an add-on is made.
type AddonOpts struct {
	Plan       Ref             `json:"plan"`
	Name       string          `json:"name,omitempty"`
	Attachment *AttachmentName `json:"attachment,omitempty"`
	Config     Env             `json:"config,omitempty"` // options of the service: a flag without a value comes as true
	Confirm    string          `json:"confirm,omitempty"`
}

// An AttachmentName is how a new add-on is to be called in its app.
type AttachmentName struct {
	Name string `json:"name,omitempty"`
}

// AddonUpdateOpts is what may change about an add-on; nil leaves it as it is.
type AddonUpdateOpts struct {
	Plan *Ref    `json:"plan,omitempty"`
	Name *string `json:"name,omitempty"`
}

// AddonDeleteOpts is how an add-on is destroyed.
type AddonDeleteOpts struct {
	Force bool `json:"force"` // though it is attached to other apps
}

// AddonResolveOpts is what somebody typed who means an add-on.
type AddonResolveOpts struct {
	Addon        Ref `json:"addon"`
	App          Ref `json:"app,omitempty"`
	AddonService Ref `json:"addon_service,omitempty"`
}

// AttachmentOpts is what is asked for when an add-on is attached.
type AttachmentOpts struct {
	Addon     Ref    `json:"addon"`
	App       Ref    `json:"app"`
	Name      string `json:"name,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Confirm   string `json:"confirm,omitempty"`
}

// AttachmentResolveOpts is what somebody typed who means an attachment.
type AttachmentResolveOpts struct {
	Attachment   Ref `json:"addon_attachment"`
	App          Ref `json:"app,omitempty"`
	AddonService Ref `json:"addon_service,omitempty"`
}

// An AddonConfigVar is a config var that an add-on gives.
type AddonConfigVar struct {
	Name  string  `json:"name"`
	Value *string `json:"value"` // null in a change takes it away
}

// AddonConfigOpts is what the provider of an add-on changes about its config vars.
type AddonConfigOpts struct {
	Config []AddonConfigVar `json:"config"`
}

// AddonSSO is how a browser goes to the page of an add-on at its provider.
type AddonSSO struct {
	Method string            `json:"method"`
	Action string            `json:"action"`
	Params map[string]string `json:"params"`
}

// PlanOpts is what an operator decides about a plan; nil leaves it as it is.
type PlanOpts struct {
	Cents   *int      `json:"cents,omitempty"`
	Regions *[]string `json:"regions,omitempty"`
}

// ServiceOpts is what an operator decides about a service.
type ServiceOpts struct {
	State string `json:"state"` // ga, shutdown
}

// A RegionCapability says that there is something of a service in a region.
type RegionCapability struct {
	ID                        string       `json:"id"`
	AddonService              AddonService `json:"addon_service"`
	Region                    Region       `json:"region"`
	SupportsPrivateNetworking bool         `json:"supports_private_networking"` // inside spaces
}
