package local

import "path/filepath"

// The names of what the kernel holds of spaces and workloads, for whoever looks at it from outside: the engine itself,
// and `cloister doctor isolation`.

// SpaceNamespace is the file of a space's network namespace.
func (c Config) SpaceNamespace(id string) string { return filepath.Join(c.Run, "netns", "space-"+id) }

// WorkloadNamespace is the file of a workload's network namespace.
func (c Config) WorkloadNamespace(id string) string {
	return filepath.Join(c.Run, "netns", "workload-"+id)
}

// ZoneFreezer is the file that says whether what is in a zone gets to run, and the words for that it does not and that it
// does. Who writes the first of them makes the zone fail, as a machine does that hangs.
func (c Config) ZoneFreezer(zone string) (file, frozen, thawed string) {
	return cgroups.freezer(c.zoneGroup(zone))
}

// SpaceLink is the name of a space's link in the machine's own namespace.
func (c Config) SpaceLink(id string) string { return c.linkPrefix() + short(id, 8) }
