package local

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A hierarchy is the directory at which control groups are mounted.
type hierarchy string

const cgroups hierarchy = "/sys/fs/cgroup"

// zoneGroup is the path of a zone's cgroup, below the root of each hierarchy: when processors are short, zones have equal
// parts of them.
func (c Config) zoneGroup(zone string) string { return filepath.Join("/", c.Name, "zone-"+zone) }

// cgroup is the path of a workload's cgroup.
func (e *Engine) cgroup(w *workload) string { return filepath.Join(e.zoneGroup(w.zone), w.spec.ID) }

// unified reports whether the machine has the one hierarchy of version 2, and not the many of version 1.
func (h hierarchy) unified() bool {
	_, err := os.Stat(filepath.Join(string(h), "cgroup.controllers"))
	return err == nil
}

// swapLimits reports whether memory can be limited together with swap. Kernels that cannot have no file for it.
func (h hierarchy) swapLimits() bool {
	_, err := os.Stat(filepath.Join(string(h), "memory/memory.memsw.limit_in_bytes"))
	return err == nil || h.unified()
}

// oomKills is how many processes of a cgroup the kernel has killed for memory.
func (h hierarchy) oomKills(cgroup string) int {
	file := filepath.Join(string(h), "memory", cgroup, "memory.oom_control")
	if h.unified() {
		file = filepath.Join(string(h), cgroup, "memory.events")
	}
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "oom_kill "); ok {
			kills, _ := strconv.Atoi(n)
			return kills
		}
	}
	return 0
}

// inCgroup reports whether a process is in a cgroup, or in one below it.
func inCgroup(pid uint32, cgroup string) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	return err == nil && within(string(text), cgroup)
}

// within reads what the kernel says of a process's cgroups: a line "hierarchy:controllers:path" for each hierarchy.
func within(text, cgroup string) bool {
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) == 3 && (f[2] == cgroup || strings.HasPrefix(f[2], cgroup+"/")) {
			return true
		}
	}
	return false
}

// roots are the directories of all hierarchies.
func (h hierarchy) roots() []string {
	if h.unified() {
		return []string{string(h)}
	}
	dirs, _ := filepath.Glob(filepath.Join(string(h), "*"))
	return dirs
}

// enter puts a process into a cgroup, which is made if need be, in every hierarchy but that of cpusets: there, a new
// group has no processor, and holds nobody back who is not in it.
func (h hierarchy) enter(cgroup string, pid int) error {
	for _, root := range h.roots() {
		if !h.unified() && filepath.Base(root) == "cpuset" {
			continue
		}
		dir := filepath.Join(root, cgroup)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("enter cgroup: %w", err)
		}
	}
	return nil
}

// freezer is the file that says whether the processes of a cgroup get to run, and the words for both.
func (h hierarchy) freezer(cgroup string) (file, frozen, thawed string) {
	if h.unified() {
		return filepath.Join(string(h), cgroup, "cgroup.freeze"), "1", "0"
	}
	return filepath.Join(string(h), "freezer", cgroup, "freezer.state"), "FROZEN", "THAWED"
}

// thaw lets the processes of a cgroup run.
func (h hierarchy) thaw(cgroup string) error {
	file, _, thawed := h.freezer(cgroup)
	if err := os.WriteFile(file, []byte(thawed), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("thaw cgroup: %w", err)
	}
	return nil
}

// remove removes a cgroup and those below it, in every hierarchy. The kernel refuses if a process is in one.
func (h hierarchy) remove(cgroup string) error {
	var dirs []string
	for _, r := range h.roots() {
		filepath.WalkDir(filepath.Join(r, cgroup), func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
	}
	var errs error
	for _, dir := range slices.Backward(dirs) {
		if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = errors.Join(errs, fmt.Errorf("remove cgroup: %w", err))
		}
	}
	return errs
}
