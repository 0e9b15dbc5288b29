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

// SpaceLink is the name of a space's link in the machine's own namespace.
func (c Config) SpaceLink(id string) string { return c.linkPrefix() + short(id, 8) }
