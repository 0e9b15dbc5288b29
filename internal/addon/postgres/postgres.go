// Package postgres is the kind of data service that heroku-postgresql is: PostgreSQL, by TLS alone, with a pooler beside it,
// and where the plan has a standby a second instance that pg_auto_failover makes the primary when the first one fails.
//
// What is lost, and when: nothing that was acknowledged. A commit is on disk before it is acknowledged, and with a standby
// it is on both disks. While the standby is away the primary goes on alone, once the monitor has seen that it is; then the
// standby is not made the primary until it has everything again.
//
// The commands that are run inside instances are in the recipe of their image, services/postgres-17.
package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Image is the name of the image that instances run, and Version what can be asked for with the option version.
const (
	Image   = "postgres-17"
	Version = "17"
)

// Ports inside the space.
const (
	Port       = 5432
	PoolerPort = 6432
)

// The slots. With a standby the two first ones have data, and should be in different zones.
const (
	first, second = "0", "1"
	monitor       = "monitor"
)

// Kind is addon.Kind for PostgreSQL.
type Kind struct {
	Forks bool // whoever starts instances gives those of a fork its data, by RecoverBase, RecoverPiece and RecoverTo
}

var _ addon.Kind = Kind{}

// What is too little to run anything: in bytes.
const (
	minMemory = 192 << 20
	minDisk   = 512 << 20
)

// Check refuses plans that there is not enough of to run anything, and options that it does not know.
func (k Kind) Check(plan cloister.Plan, options map[string]string) error {
	if plan.Shape.Memory < minMemory || plan.Shape.Disk < minDisk {
		return cloister.Errorf(cloister.Invalid, "Plan %s has too little for Postgres. It takes %d MB of memory and %d MB of disk at least.", plan.Name, minMemory>>20, minDisk>>20)
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		switch value := options[name]; name {
		case "version":
			if value != Version {
				return cloister.Errorf(cloister.Invalid, "Postgres version %q is not to be had. There is %s.", value, Version)
			}
		case "fork", "rollback", "to":
			if !k.Forks {
				return cloister.Errorf(cloister.Unsupported, "A database cannot be made of another one with --%s here. Make an empty one, and copy with `pg:copy`.", name)
			}
		case "follow":
			return cloister.Errorf(cloister.Unsupported, "A database cannot be made of another one with --%s here. Make an empty one, and copy with `pg:copy`.", name)
		default:
			return cloister.Errorf(cloister.Invalid, "Postgres has no option %q. There is version.", name)
		}
	}
	return nil
}

// Begin makes the name of the database, the authority, and a certificate for each slot there can ever be, by which instances
// know one another.
func (Kind) Begin(s addon.Spec, now time.Time) (map[string]cloister.Secret, error) {
	authority, err := addon.NewAuthority(s.Addon.Name, now)
	if err != nil {
		return nil, err
	}
	out := map[string]cloister.Secret{"authority": authority.Certificate, "authority.key": authority.Key, "database": cloister.Secret("d" + cloister.RandomHex(7))}
	for _, slot := range []string{first, second, monitor} {
		pair, err := authority.Issue(member, []string{s.Addon.InstanceName(slot), s.Addon.LocalName(), "localhost"}, now)
		if err != nil {
			return nil, err
		}
		out["certificate."+slot], out["key."+slot] = pair.Certificate, pair.Key
	}
	return out, nil
}

// member is who instances say they are by their certificates.
const member = "cloister-instance"

// Instances lists one instance with data, or two and the monitor, which comes before them.
func (Kind) Instances(s addon.Spec) []addon.Instance {
	shape := s.Plan.Shape
	data := addon.Instance{Slot: first, Image: Image, Disk: shape.Disk, Serve: true,
		Size: engine.Size{Memory: shape.Memory, CPU: shape.CPU, PIDs: slots(shape) + 256}}
	if !shape.Standby {
		return []addon.Instance{data}
	}
	standby := data
	standby.Slot = second
	return []addon.Instance{{Slot: monitor, Image: Image, Size: engine.Size{Memory: 192 << 20, CPU: 500}, Disk: 512 << 20}, data, standby}
}

// Run starts whatever belongs to a slot.
func (k Kind) Run(s addon.Spec, slot string) addon.Run {
	secret := func(name string) string { return s.Addon.Secrets[name].Reveal() }
	env := map[string]string{
		"NAME":            s.Addon.LocalName(),
		"SLOT":            slot,
		"SLOTS":           strings.Join(k.slots(s), " "),
		"MEMBER":          member,
		"TLS_AUTHORITY":   secret("authority"),
		"TLS_CERTIFICATE": secret("certificate." + slot),
		"TLS_KEY":         secret("key." + slot),
		"BALLAST":         "0",
		"ARCHIVE":         "0",
	}
	if slot == monitor {
		env["CONFIG"] = strings.Join(monitorConfig(), "\n")
		env["SETTINGS"] = ""
	} else {
		shape := s.Plan.Shape
		env["CONFIG"] = strings.Join(config(shape), "\n")
		env["SETTINGS"] = settingsFile(s)
		env["BALLAST"] = fmt.Sprint(ballast(shape))
		env["ARCHIVE"] = fmt.Sprint(shape.Disk / 8)
		env["DATABASE"] = database(s)
		if s.Addon.Options["fork"] != "" || s.Addon.Options["rollback"] != "" {
			env["RECOVER"] = "1"
		}
		env["POOL"] = fmt.Sprint(pool(shape))
	}
	return addon.Run{Command: []string{"/cloister/bin/start"}, Env: env}
}

// slots are the names of all instances, the same however they are ordered.
func (k Kind) slots(s addon.Spec) (out []string) {
	for _, i := range k.Instances(s) {
		out = append(out, i.Slot)
	}
	slices.Sort(out)
	return out
}

// database is the name of the one database that clients use.
func database(s addon.Spec) string { return s.Addon.Secrets["database"].Reveal() }
