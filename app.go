package cloister

import (
	"maps"
	"regexp"
	"slices"
	"time"
)

// An App is code with a history of releases, running in a space.
type App struct {
	ID              string
	Name            string
	SpaceID         string
	TeamID          string
	Stack           string // of the current release
	BuildStack      string // of the next build
	Label           string // 12 hex digits: the part of the default host name that survives a rename
	Maintenance     bool
	InternalRouting bool
	Locked          bool
	ACM             bool // the platform gets certificates for its domains
	Buildpacks      []Buildpack
	Detected        string // what the last build's buildpack called the app: "Node.js"
	Config          map[string]Secret
	Features        map[string]bool // those that its owner has switched
	BootTimeout     time.Duration   // 0: the platform's
	RepoSize        int64           // bytes; 0 before the first push
	SlugSize        int64           // bytes; 0 before the first build
	ReleasedAt      time.Time
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// A Buildpack is one entry of an app's ordered list, exactly as the user gave it: a name, or a URL.
type Buildpack struct {
	Name string // "heroku/nodejs", or the URL again: clients expect the two alike
	URL  string
}

var (
	appName    = regexp.MustCompile(`^[a-z][a-z0-9-]{1,28}[a-z0-9]$`)
	configName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// MaxConfig is the limit for all names and values of an app's config vars together, in bytes (Heroku's 64 KB).
const MaxConfig = 64 << 10

// ValidAppName reports why s may not name an app, or nil.
func ValidAppName(s string) error {
	if !appName.MatchString(s) {
		return Errorf(Invalid, "Name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, and dashes; 3 to 30 characters.")
	}
	return nil
}

// NewLabel returns the random part of a new app's default host name.
func NewLabel() string { return RandomHex(6) }

// Host is the app's default host name under the installation's app domain.
func (a App) Host(domain string) string { return a.Name + "-" + a.Label + "." + domain }

// ChangeConfig is config vars after a change, in which nil removes one, and the names of those that it set and removed,
// sorted. What is as it was counts as neither.
func ChangeConfig(was map[string]Secret, change map[string]*Secret) (vars map[string]Secret, set, removed []string) {
	vars = maps.Clone(was)
	for _, name := range slices.Sorted(maps.Keys(change)) {
		value := change[name]
		old, exists := vars[name]
		switch {
		case value == nil && exists:
			delete(vars, name)
			removed = append(removed, name)
		case value != nil && (!exists || old != *value):
			vars[name] = *value
			set = append(set, name)
		}
	}
	return vars, set, removed
}

// ValidConfig reports why vars may not be an app's config vars, or nil.
func ValidConfig(vars map[string]Secret) error {
	size := 0
	for k, v := range vars {
		if !configName.MatchString(k) || len(k) > 256 {
			return Errorf(Invalid, "Config var name %q is invalid. A name has letters, digits and underscores, and does not start with a digit.", k)
		}
		for _, r := range v.Reveal() {
			if r == 0 {
				return Errorf(Invalid, "Config var %s contains a NUL character, which no environment can hold.", k)
			}
		}
		size += len(k) + len(v)
	}
	if size > MaxConfig {
		return Errorf(Invalid, "Config vars take %d bytes; the limit is %d for all names and values together.", size, MaxConfig)
	}
	return nil
}
