package cloister

import (
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// An AddonService is something that add-ons are of: heroku-postgresql, or what somebody else provides.
type AddonService struct {
	ID        string
	Name      string // "heroku-postgresql"
	HumanName string // "Heroku Postgres"
	Kind      string // what makes its add-ons: "postgres", "redis", "kafka", "scheduler"; "partner": a provider of its own, over HTTP
	Prefix    string // that the names of its config vars begin with: "HEROKU_POSTGRESQL"
	First     string // the name of the first attachment to an app: "DATABASE"; others are called by the prefix and a colour
	Datastore bool   // data of apps goes there: outside a space that takes a confirmation
	Many      bool   // an app can have more than one
	Shared    bool   // its add-ons can be attached to other apps
	State     ServiceState
	Provider  Provider // of kind "partner"; of others Vars alone
	CreatedAt time.Time
	UpdatedAt time.Time
}

// A ServiceState is in the API's words: "ga", or "shutdown" when there are to be no new add-ons of it.
type ServiceState string

const (
	ServiceOffered  ServiceState = "ga"
	ServiceShutdown ServiceState = "shutdown"
)

// A Provider is where add-ons of somebody else's are made, by the Add-on Partner API, version 3.
type Provider struct {
	Slug     string // it is the user of the platform at the provider: the manifest's id
	URL      string // that resources are made at
	SSOURL   string
	Password Secret
	Salt     Secret   // of single sign-on
	Vars     []string // names of the config vars
	Requires []string // of the manifest: "log_input", "syslog_drain"
}

// A Plan is how much of a service an add-on is.
type Plan struct {
	ID          string
	ServiceID   string
	Name        string // "private-0"
	HumanName   string
	Description string
	Cents       int // a month, as the operator sets it
	Default     bool
	Inside      bool     // its add-ons are made inside the space of their app, in its data network
	Outside     bool     // its add-ons are made elsewhere
	Regions     []string // where it is to be had; nil: everywhere
	Shape       Shape
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// A Shape is what an add-on of a plan is made of, where it is made of workloads.
type Shape struct {
	Memory      int64 // bytes for each instance
	CPU         int   // thousandths of a core for each instance
	Disk        int64 // bytes for each instance
	Connections int   // clients at once; 0: no limit of the plan's
	Standby     bool  // a second instance takes over when the first one fails
}

// In reports whether the plan is to be had in a region.
func (p Plan) In(region string) bool {
	return p.Regions == nil || slices.Contains(p.Regions, region)
}

// An AddonState is in the API's words.
type AddonState string

const (
	Provisioning   AddonState = "provisioning"
	Provisioned    AddonState = "provisioned"
	Deprovisioning AddonState = "deprovisioning"
	Deprovisioned  AddonState = "deprovisioned"
)

// An Addon is one app's own instance of a service. Other apps may have it lent to them.
type Addon struct {
	// Spec: written by platform.
	ID        string
	Name      string // "postgresql-round-12345"
	ServiceID string
	PlanID    string
	AppID     string            // who pays for it, and with whom it goes
	SpaceID   string            // that it is inside of; "": outside
	Region    string            // where it is
	Options   map[string]string // as given when it was made
	Settings  map[string]string // of its service, that somebody has changed
	CreatedAt time.Time
	UpdatedAt time.Time

	// Status: written by control, but that platform has it begin and end.
	State      AddonState
	Message    string            // of its provider, for whoever made it
	ProviderID string            // what its provider calls it
	Secrets    map[string]Secret // what it was made with: passwords, keys
	Changing   bool              // somebody has changed its settings, credentials or plan, and it is not done yet
}

// LocalName is the name at which an add-on inside a space answers there.
func (a Addon) LocalName() string { return a.Name + ".data.localspace" }

// InstanceName is the name of one of its instances.
func (a Addon) InstanceName(slot string) string { return slot + "." + a.LocalName() }

// An Instance is one of the workloads that an add-on inside a space is made of. Its slot is for life, and so is its volume; each
// run of it is another workload.
type Instance struct {
	AddonID   string
	Slot      string     // "0", "1", "monitor"
	Zone      string     // "" before it has run
	Workload  string     // id of its run; "" between two
	Address   netip.Addr // of its run
	Role      string     // "primary", "standby"; "" where there is none, or it is not known
	Ready     bool
	Failures  int       // runs in a row that ended before they were ready
	StartedAt time.Time // of its run
	EndedAt   time.Time // of the run before, while there is none
}

// VolumeID is the id of an instance's volume.
func (i Instance) VolumeID() string { return i.AddonID + "-" + i.Slot }

// An Attachment lends an add-on to an app under a name.
type Attachment struct {
	ID        string
	AddonID   string
	AppID     string
	Name      string // "DATABASE"
	Namespace string // what of the add-on: "credential:reader"; "" is the add-on itself
	CreatedAt time.Time
	UpdatedAt time.Time
}

// attachmentName is what the API says about names of attachments.
var attachmentName = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,252}$`)

// ParseAttachmentName reads the name of an attachment as somebody typed it.
func ParseAttachmentName(s string) (string, error) {
	name := strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(s)), "-", "_")
	if !attachmentName.MatchString(name) {
		return "", Errorf(Invalid, "%q cannot name an attachment. A name begins with a letter, and has letters, digits and underscores.", s)
	}
	return name, nil
}

var addonName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,254}$`)

// ValidAddonName reports why s may not name an add-on, or nil.
func ValidAddonName(s string) error {
	if !addonName.MatchString(s) {
		return Errorf(Invalid, "Name %q cannot name an add-on. A name begins with a letter, and has letters, digits, dashes and underscores.", s)
	}
	return nil
}

// Vars are the config vars of an add-on as an app gets them by this attachment: what begins with the service's prefix
// begins with the attachment's name instead.
func (t Attachment) Vars(prefix string, config map[string]Secret) map[string]Secret {
	out := make(map[string]Secret, len(config))
	for name, value := range config {
		if rest, ok := strings.CutPrefix(name, prefix); ok && (rest == "" || rest[0] == '_') {
			name = t.Name + rest
		}
		out[name] = value
	}
	return out
}

// WithAttached is config vars in which those that came from attachments before have been replaced by those that do now.
func WithAttached(vars map[string]Secret, before []string, now map[string]Secret) map[string]Secret {
	out := maps.Clone(vars)
	if out == nil {
		out = map[string]Secret{}
	}
	for _, name := range before {
		delete(out, name)
	}
	maps.Copy(out, now)
	return out
}
