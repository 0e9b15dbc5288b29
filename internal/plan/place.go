package plan

import (
	"hash/fnv"
	"slices"
	"strings"
)

// A Zone is a part of the installation that fails on its own.
type Zone struct {
	Name    string
	Healthy bool
}

// zones counts the dynos of a process type in each zone.
type zones struct {
	healthy []string // sorted
	gone    map[string]bool
	dynos   map[string]int
}

func newZones(all []Zone) zones {
	z := zones{gone: map[string]bool{}, dynos: map[string]int{}}
	for _, zone := range all {
		if zone.Healthy {
			z.healthy = append(z.healthy, zone.Name)
		} else {
			z.gone[zone.Name] = true
		}
	}
	slices.SortFunc(z.healthy, strings.Compare)
	return z
}

// any reports whether there is a place for a new dyno.
func (z *zones) any() bool { return len(z.healthy) > 0 }

// lost reports whether a zone is unhealthy. When all are, none counts as lost: there is nowhere else to go.
func (z *zones) lost(zone string) bool { return z.gone[zone] && z.any() }

// count starts to count for a process type.
func (z *zones) count(slots []slot) {
	clear(z.dynos)
	for _, s := range slots {
		if s.dyno != nil {
			z.dynos[s.dyno.Zone]++
		}
	}
}

func (z *zones) leave(zone string) { z.dynos[zone]-- }

// take chooses the healthy zone with the fewest dynos of the type. Among equals the app decides which is first, so
// that apps of one dyno do not all sit in one zone.
func (z *zones) take(app, typ string) string {
	if !z.any() {
		return ""
	}
	h := fnv.New32a()
	h.Write([]byte(app + "/" + typ))
	first := int(h.Sum32() % uint32(len(z.healthy)))
	best := z.healthy[first]
	for i := range z.healthy {
		if zone := z.healthy[(first+i)%len(z.healthy)]; z.dynos[zone] < z.dynos[best] {
			best = zone
		}
	}
	z.dynos[best]++
	return best
}

// uneven finds the fullest zone, if another healthy one has at least two dynos less.
func (z *zones) uneven() (full string, ok bool) {
	if len(z.healthy) < 2 {
		return "", false
	}
	full, empty := z.healthy[0], z.healthy[0]
	for _, zone := range z.healthy {
		if z.dynos[zone] > z.dynos[full] {
			full = zone
		}
		if z.dynos[zone] < z.dynos[empty] {
			empty = zone
		}
	}
	return full, z.dynos[full]-z.dynos[empty] >= 2
}
