// Package addon says what it takes to run a data service inside a space: a kind of service is a few pure functions of what
// is wanted, and a few commands that are run inside its instances. It knows the engine's nouns and neither the store nor the
// API: control starts the instances, watches over them, and writes down how they are.
//
// A kind stands in a package of its own below this one.
package addon

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A Spec is what one add-on is to be.
type Spec struct {
	Addon       cloister.Addon // with the secrets that Begin made, and the settings that somebody has changed
	Plan        cloister.Plan
	Space       cloister.Space
	Instances   []cloister.Instance // as they are now, in the order of Instances
	Credentials []cloister.Credential
	Zones       int // that the engine has
}

// A Kind is a kind of data service. All but Look and Apply are pure: the same Spec, the same answer.
type Kind interface {
	// Check reports why an add-on cannot be made of the plan and the options that somebody gave, or nil. It is asked before
	// there is anything.
	Check(plan cloister.Plan, options map[string]string) error
	// Begin makes what an add-on needs for all its life: passwords, keys, a certificate authority. It is called once.
	Begin(s Spec, now time.Time) (map[string]cloister.Secret, error)
	// Instances lists what an add-on is made of, the first one first to be started.
	Instances(s Spec) []Instance
	// Run is what the engine has to run for the instance of a slot.
	Run(s Spec, slot string) Run
	// Look sees how a running instance is. An error means that it could not be seen.
	Look(ctx context.Context, s Spec, slot string, x Exec) (Health, error)
	// Apply makes a service that is ready as it is wanted: its credentials, its settings. It may be repeated.
	Apply(ctx context.Context, s Spec, x Exec) error
	// CheckSetting reports why a setting cannot be that, or nil.
	CheckSetting(name, value string) error
	// Settings are all that there are, as they are, sorted.
	Settings(s Spec) []Setting
	// Info is what is told to whoever asks how the add-on is, in its order: what pg:info and its likes print.
	Info(ctx context.Context, s Spec, x Exec) []Fact
	// Deeds are what can be done, by the names that the API has for it: "reset", "connection_reset", "stats_reset", "failover".
	Deeds() map[string]Deed
	// Port is where clients come to, inside the space.
	Port() int
	// Config are the config vars of the add-on, by namespace: "" for the add-on itself, "credential:NAME" for a credential.
	// Their names begin with the service's prefix.
	Config(s Spec) map[string]map[string]cloister.Secret
}

// An Instance is a part of an add-on: a workload, with a volume at /data.
type Instance struct {
	Slot  string // "0", "monitor"
	Image string // name of an image that package build makes: "postgres-17"
	Size  engine.Size
	Disk  int64 // bytes of its volume
	Serve bool  // clients come to it: without one of these that is ready the add-on is not
}

// A Run is the command of an instance, and its environment.
type Run struct {
	Command []string
	Env     map[string]string
}

// A Deed is something that somebody can have done to a service that is ready.
type Deed func(ctx context.Context, s Spec, x Exec) error

// Health is how an instance is.
type Health struct {
	Ready bool   // it does its part
	Role  string // "primary": clients are sent there; "standby"; "" where instances have no roles
}

// Exec runs a process inside the running instance of a slot, and returns its exit status.
type Exec func(ctx context.Context, slot string, p engine.Process, t engine.Terminal) (int, error)
