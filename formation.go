package cloister

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A ProcessType is one line of an app's formation: how many dynos of which size run a command.
type ProcessType struct {
	ID        string
	AppID     string
	Type      string
	Command   string
	Quantity  int
	Size      string // canonical name of a DynoSize
	CreatedAt time.Time
	UpdatedAt time.Time
}

var processType = regexp.MustCompile(`^[-\w]{1,128}$`)

// ValidProcessType reports why s may not name a process type, or nil.
func ValidProcessType(s string) error {
	if !processType.MatchString(s) {
		return Errorf(Invalid, "Process type %q is invalid. A type has letters, digits, dashes and underscores.", s)
	}
	return nil
}

// ReleaseType is the process type of the release phase; it is in the formation for its size alone, with no dynos.
const ReleaseType = "release"

// A DynoSize is how much of a machine a dyno may use.
type DynoSize struct {
	ID      string
	Name    string // canonical, as clients print it: "Private-S"
	Memory  int64  // bytes
	CPU     int    // thousandths of a core
	Compute int    // Heroku's share, as the API shows it
	PIDs    int    // processes and threads (heroku-behaviours 3.1)
	Shield  bool
}

// DynoSizes are the sizes of the contract, and Private-XS, which Heroku's users asked for and never got: on one's
// own machines there is no reason to give a tiny worker a gigabyte. Compute shares are Heroku's; a dyno's CPU limit
// is in cores, since the machine is shared.
var DynoSizes = dynoSizes()

// DefaultSize is the size of a dyno whose owner did not choose.
func DefaultSize(shield bool) string {
	if shield {
		return "Shield-S"
	}
	return "Private-S"
}

func dynoSizes() []DynoSize {
	const gib = 1 << 30
	table := []struct {
		name    string
		memory  float64 // GiB
		cpu     int
		compute int
	}{
		{"XS", 0.5, 1000, 6}, {"S", 1, 2000, 12}, {"M", 2.5, 4000, 12}, {"L", 14, 8000, 50},
		{"L-RAM", 30, 4000, 24}, {"XL", 62, 8000, 50}, {"2XL", 126, 16000, 100},
	}
	var out []DynoSize
	for _, family := range []string{"Private-", "Shield-"} {
		for _, t := range table {
			name := family + t.name
			out = append(out, DynoSize{ID: NameID("dyno-size", name), Name: name, Memory: int64(t.memory * gib),
				CPU: t.cpu, Compute: t.compute, PIDs: 32768, Shield: family == "Shield-"})
		}
	}
	return out
}

// SizeByName finds a dyno size by its name in any case, or by its id.
func SizeByName(name string) (DynoSize, error) {
	for _, s := range DynoSizes {
		if strings.EqualFold(s.Name, name) || s.ID == name {
			return s, nil
		}
	}
	var names []string
	for _, s := range DynoSizes {
		names = append(names, s.Name)
	}
	return DynoSize{}, Errorf(Invalid, "Couldn't find that dyno size: %q. Use one of %s.", name, strings.Join(names, ", "))
}

// NextFormation is what an app's formation becomes when a slug with these commands is released: commands are
// renewed, types that are gone are dropped, new ones are added at zero, but for web, which a first deploy starts
// with one dyno. It returns what to write and the types to delete.
func NextFormation(now time.Time, app App, old []ProcessType, commands map[string]string, size string) (put []ProcessType, gone []string) {
	have := map[string]bool{}
	for _, p := range old {
		command, stays := commands[p.Type]
		if !stays {
			gone = append(gone, p.Type)
			continue
		}
		have[p.Type] = true
		if p.Command != command {
			p.Command, p.UpdatedAt = command, now
			put = append(put, p)
		}
	}
	for _, t := range slices.Sorted(maps.Keys(commands)) {
		if have[t] {
			continue
		}
		quantity := 0
		if t == "web" {
			quantity = 1
		}
		put = append(put, ProcessType{ID: NewID(), AppID: app.ID, Type: t, Command: commands[t], Quantity: quantity,
			Size: size, CreatedAt: now, UpdatedAt: now})
	}
	return put, gone
}
