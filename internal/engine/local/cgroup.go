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

// cgroup is the path of a workload's cgroup, below the root of each hierarchy.
func (e *Engine) cgroup(w *workload) string { return filepath.Join("/", e.Name, w.spec.ID) }

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

// remove removes a cgroup and those below it, in every hierarchy. The kernel refuses if a process is in one.
func (h hierarchy) remove(cgroup string) error {
	roots := []string{string(h)}
	if !h.unified() {
		roots, _ = filepath.Glob(filepath.Join(string(h), "*"))
	}
	var dirs []string
	for _, r := range roots {
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
