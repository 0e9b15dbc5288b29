// Package partner speaks the platform's side of Heroku's Add-on Partner API, version 3, with the providers of add-ons: it
// reads what a provider says of itself, has it provision, change and deprovision a resource, and signs people in to its
// dashboard. Each call is one attempt, and says whether another one may help. It keeps nothing, decides nothing, and speaks
// no other version.
package partner

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister"
)

// A Manifest is what a provider says of itself, in the form of Heroku's add-on manifest. Its secrets marshal as "[secret]":
// whoever keeps a manifest keeps the text that it was read from.
type Manifest struct {
	ID        string `json:"id"`   // "acme-db": the name of the service, and who calls when the platform does
	Name      string `json:"name"` // for people; the id, if it says none
	API       API    `json:"api"`
	CLIPlugin string `json:"cli_plugin_name"` // a package of npm; "": none
	Plans     []Plan `json:"plans"`           // ours: Heroku asks for plans elsewhere. At least one; the first is the default
}

// API is how a provider is spoken to.
type API struct {
	ConfigVars []string        `json:"config_vars"`        // that apps get
	Prefix     string          `json:"config_vars_prefix"` // of all their names: "ACME_DB"; the id in capitals, if it says none
	Password   cloister.Secret `json:"password"`
	Salt       cloister.Secret `json:"sso_salt"` // "" only without a dashboard
	Regions    []string        `json:"regions"`  // "us", "eu" or names of regions; none: everywhere
	Requires   []string        `json:"requires"` // some of Requirements
	Version    string          `json:"version"`  // "3"
	Production Place           `json:"production"`
	Test       Place           `json:"test"` // for the provider's own tools: the platform never goes there, nor looks at it
}

// A Place is where a provider answers.
type Place struct {
	BaseURL string `json:"base_url"` // of resources
	SSOURL  string `json:"sso_url"`  // of the dashboard; "": there is none
}

// A Plan is what a resource can be.
type Plan struct {
	Name        string `json:"name"` // "standard-0"
	Description string `json:"description"`
	Price       Price  `json:"price"`
}

// A Price is what a plan costs.
type Price struct {
	Cents int64  `json:"cents"`
	Unit  string `json:"unit"` // "month", also if it says none: the platform knows no other
}

// Requirements are what a provider can ask for: that apps attach it under several names, to write into their logs, that an
// app has more than one, to read their logs.
var Requirements = []string{"attachable", "log_input", "many_per_app", "syslog_drain"}

// DefaultPlan is the only plan of a provider whose manifest has none: the one that Heroku gives to every new add-on.
const DefaultPlan = "test"

const month = "month"

const (
	maxManifest = 64 << 10
	maxName     = 63  // characters of a name that is part of addresses
	maxWords    = 255 // characters of a text for people
	maxList     = 100 // entries of each list
	maxCents    = 1_000_000_000
)

var (
	slug    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	prefix  = regexp.MustCompile(`^[A-Z]([A-Z0-9_]*[A-Z0-9])?$`)
	plugin  = regexp.MustCompile(`^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*$`)
	visible = regexp.MustCompile(`^[!-~]+$`)
)

// ParseManifest reads a manifest, and fills in what it may leave out. Fields that nobody here knows are passed over. What is
// wrong is Invalid, and says which field, and what to write there; it never repeats a secret.
func ParseManifest(text []byte) (Manifest, error) {
	var m Manifest
	if len(text) > maxManifest {
		return m, cloister.Errorf(cloister.Invalid, "Manifest is longer than %d bytes, which is the limit.", maxManifest)
	}
	if !json.Valid(text) {
		return m, cloister.Errorf(cloister.Invalid, "Manifest is not valid JSON. Write an object: {\"id\": \"acme-db\", \"api\": {…}}.")
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return Manifest{}, cloister.Errorf(cloister.Invalid, "Manifest: %s", mistyped(err))
	}
	m.fill()
	for _, wrong := range []func() string{m.wrongNames, m.wrongAPI, m.wrongVars, m.wrongPlans} {
		if why := wrong(); why != "" {
			return Manifest{}, cloister.Errorf(cloister.Invalid, "Manifest: %s", why)
		}
	}
	return m, nil
}

func (m *Manifest) fill() {
	if m.Name == "" {
		m.Name = m.ID
	}
	if m.API.Prefix == "" {
		m.API.Prefix = strings.ToUpper(strings.ReplaceAll(m.ID, "-", "_"))
	}
	if len(m.Plans) == 0 {
		m.Plans = []Plan{{Name: DefaultPlan}}
	}
	for i := range m.Plans {
		if p := &m.Plans[i]; p.Price.Unit == "" {
			p.Price.Unit = month
		}
	}
}

func (m *Manifest) wrongNames() string {
	switch {
	case !named(m.ID) || cloister.IsID(m.ID):
		return `id must be 1 to 63 lowercase letters, digits and dashes, with no dash at either end: "acme-db".`
	case !sayable(m.Name):
		return `name must be 1 to 255 printable characters, without a space at either end: "Acme DB".`
	case m.CLIPlugin != "" && (!plugin.MatchString(m.CLIPlugin) || len(m.CLIPlugin) > 214):
		return `cli_plugin_name must be the name of a package of npm: "heroku-acme-db".`
	}
	return ""
}

func (m *Manifest) wrongAPI() string {
	a := &m.API
	switch {
	case a.Version != "3":
		return fmt.Sprintf(`api.version is %s. Write "3": no other version of the Partner API is spoken here.`, quote(a.Version))
	case !secret(a.Password):
		return "api.password must be 1 to 1000 characters of ASCII, without spaces. Write a random one, which the provider knows too."
	case a.Salt != "" && !secret(a.Salt):
		return "api.sso_salt must be 1 to 1000 characters of ASCII, without spaces. Write a random one, which the provider knows too."
	case a.Salt == "" && a.Production.SSOURL != "":
		return "api.sso_salt is missing, without which nobody is signed in at api.production.sso_url. Write a random one, or leave out both."
	case len(a.Regions) > maxList:
		return fmt.Sprintf("api.regions has more than %d entries. Leave it out for everywhere.", maxList)
	}
	for _, r := range a.Regions {
		if !named(r) {
			return fmt.Sprintf("api.regions has %s, which names no region. Write names such as \"us\", or leave it out for everywhere.", quote(r))
		}
	}
	for i, r := range a.Requires {
		if !slices.Contains(Requirements, r) {
			return fmt.Sprintf("api.requires has %s, which nobody here can give. Use some of %s.", quote(r), strings.Join(Requirements, ", "))
		}
		if slices.Contains(a.Requires[:i], r) {
			return fmt.Sprintf("api.requires has %s twice. Write it once.", r)
		}
	}
	if why := wrongAddress(a.Production.BaseURL); why != "" {
		return "api.production.base_url " + why + " Write https://HOST/PATH: resources are below it."
	}
	if strings.Contains(a.Production.BaseURL, "?") {
		return "api.production.base_url has a question mark. Write https://HOST/PATH: resources are below it."
	}
	if why := wrongAddress(a.Production.SSOURL); why != "" && a.Production.SSOURL != "" {
		return "api.production.sso_url " + why + " Write https://HOST/PATH, or leave it out if there is no dashboard."
	}
	return ""
}

func (m *Manifest) wrongVars() string {
	a := &m.API
	if !prefix.MatchString(a.Prefix) || len(a.Prefix) > maxName {
		return `api.config_vars_prefix must be 1 to 63 capital letters, digits and underscores, begin with a letter, and not end with an underscore: "ACME_DB".`
	}
	if len(a.ConfigVars) > maxList {
		return fmt.Sprintf("api.config_vars has more than %d entries. Leave some out.", maxList)
	}
	for i, name := range a.ConfigVars {
		if why := m.wrongVar(name); why != "" {
			return "api.config_vars has " + why + " Rename it, or change api.config_vars_prefix."
		}
		if slices.Contains(a.ConfigVars[:i], name) {
			return fmt.Sprintf("api.config_vars has %s twice. Write it once.", name)
		}
	}
	return ""
}

// wrongVar is why a config var may not be called so, or "".
func (m *Manifest) wrongVar(name string) string {
	if err := cloister.ValidConfig(map[string]cloister.Secret{name: ""}); err != nil {
		return fmt.Sprintf("%s, which no config var can be called.", quote(name))
	}
	if rest, ok := strings.CutPrefix(name, m.API.Prefix); !ok || rest != "" && rest[0] != '_' {
		return fmt.Sprintf("%s, which does not begin with %s_.", quote(name), m.API.Prefix)
	}
	return ""
}

func (m *Manifest) wrongPlans() string {
	if len(m.Plans) > maxList {
		return fmt.Sprintf("plans has more than %d entries. Leave some out.", maxList)
	}
	for i, p := range m.Plans {
		switch at := fmt.Sprintf("plans[%d]", i); {
		case !named(p.Name) || cloister.IsID(p.Name):
			return at + `.name must be 1 to 63 lowercase letters, digits and dashes, with no dash at either end: "standard-0".`
		case slices.ContainsFunc(m.Plans[:i], func(q Plan) bool { return q.Name == p.Name }):
			return fmt.Sprintf("%s.name is %s, as that of another one. Give it another name.", at, p.Name)
		case p.Description != "" && !sayable(p.Description):
			return at + ".description must be 1 to 255 printable characters, without a space at either end, or left out."
		case p.Price.Cents < 0 || p.Price.Cents > maxCents:
			return fmt.Sprintf("%s.price.cents must be a whole number from 0 to %d.", at, maxCents)
		case p.Price.Unit != month:
			return fmt.Sprintf("%s.price.unit is %s. Write \"month\".", at, quote(p.Price.Unit))
		}
	}
	return ""
}

// wrongAddress is why the platform, or a browser, does not go somewhere, or "". Where a name leads to is for whoever dials it
// to judge. Without TLS it must be the machine itself, as when somebody tries a provider out.
func wrongAddress(s string) string {
	if s == "" {
		return "is missing."
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > 2048 || !visible.MatchString(s) || u.Hostname() == "" {
		return "is not an address."
	}
	port, err := strconv.Atoi(u.Port())
	switch {
	case u.User != nil:
		return "has a password in it; that is api.password."
	case u.Scheme != "https" && (u.Scheme != "http" || !cloister.Loopback(u.Hostname())):
		return "is not https."
	case strings.Contains(s, "#"):
		return "has a fragment."
	case u.Port() != "" && (err != nil || port < 1 || port > 65535):
		return "has a port that does not exist."
	}
	return ""
}

func named(s string) bool { return slug.MatchString(s) && len(s) <= maxName }

func sayable(s string) bool {
	return s != "" && s == cloister.Words(s, maxWords) && strings.TrimSpace(s) == s
}

func secret(s cloister.Secret) bool {
	return visible.MatchString(s.Reveal()) && len(s) <= 1000
}

// quote is what somebody wrote, short and harmless enough for a message.
func quote(s string) string { return strconv.Quote(cloister.Words(s, 50)) }

// mistyped says which field of valid JSON is of another type than it must be, in the words of JSON.
func mistyped(err error) string {
	var t *json.UnmarshalTypeError
	if !errors.As(err, &t) {
		return "it has a value that cannot be read."
	}
	wants, ok := map[string]string{"string": "a string", "slice": "a list", "map": "an object", "struct": "an object", "int64": "a whole number"}[t.Type.Kind().String()]
	if !ok {
		return "it has a value that cannot be read."
	}
	got := cloister.Words(t.Value, 50)
	if t.Field == "" {
		return fmt.Sprintf("it must be %s, not a JSON %s.", wants, got)
	}
	return fmt.Sprintf("%s: there must be %s, not a JSON %s.", cloister.Words(t.Field, 50), wants, got)
}
