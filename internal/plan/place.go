package plan

import (
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A Zone is a part of the installation that fails on its own.
type Zone struct {
	Name    string
	Healthy bool
}

// Zones are those that nodes are in, by name: a zone is healthy while a node of it is.
func Zones(nodes []engine.Node) []Zone {
	healthy := map[string]bool{}
	for _, n := range nodes {
		healthy[n.Zone] = healthy[n.Zone] || n.Healthy
	}
	var out []Zone
	for _, name := range slices.Sorted(maps.Keys(healthy)) {
		out = append(out, Zone{name, healthy[name]})
	}
	return out
}

// Seen are the zones as rows say that they were seen last.
func Seen(rows []cloister.Zone) (out []Zone) {
	for _, r := range rows {
		out = append(out, Zone{r.Name, r.Healthy})
	}
	return out
}

// Declared are the zones that are seen, without the health of those that operators say have failed.
func Declared(seen []Zone, rows []cloister.Zone) []Zone {
	out := slices.Clone(seen)
	for i, z := range out {
		for _, r := range rows {
			if r.Name == z.Name && !r.FailedAt.IsZero() {
				out[i].Healthy = false
			}
		}
	}
	return out
}

// Place chooses a zone that works for something that stands alone, by its id; "" if none is known to.
func Place(rows []cloister.Zone, id string) string {
	var all []Zone
	for _, r := range rows {
		all = append(all, Zone{r.Name, r.Works()})
	}
	z := newZones(all)
	return z.take(id, "")
}

// Lost are the names of the zones that count as lost, sorted.
func Lost(all []Zone) (out []string) {
	z := newZones(all)
	for _, name := range slices.Sorted(maps.Keys(z.gone)) {
		if z.lost(name) {
			out = append(out, name)
		}
	}
	return out
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
	first := int(hash(app+"/"+typ) % uint32(len(z.healthy)))
	best := z.healthy[first]
	for i := range z.healthy {
		if zone := z.healthy[(first+i)%len(z.healthy)]; z.dynos[zone] < z.dynos[best] {
			best = zone
		}
	}
	z.dynos[best]++
	return best
}

func hash(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
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
