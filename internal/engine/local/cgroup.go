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

const cgroupRoot = "/sys/fs/cgroup"

// cgroup is the path of a workload's cgroup, below the root of each hierarchy.
func (e *Engine) cgroup(w *workload) string { return filepath.Join("/", e.Name, w.spec.ID) }

// unified reports whether the machine has the one hierarchy of version 2, and not the many of version 1.
func unified() bool {
	_, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers"))
	return err == nil
}

// swapLimits reports whether memory can be limited together with swap. Kernels that cannot have no file for it.
func swapLimits() bool {
	_, err := os.Stat(filepath.Join(cgroupRoot, "memory/memory.memsw.limit_in_bytes"))
	return err == nil || unified()
}

// oomKills is how many processes of a cgroup the kernel has killed for memory.
func oomKills(cgroup string) int {
	file := filepath.Join(cgroupRoot, "memory", cgroup, "memory.oom_control")
	if unified() {
		file = filepath.Join(cgroupRoot, cgroup, "memory.events")
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
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) { // hierarchy:controllers:path
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) == 3 && (f[2] == cgroup || strings.HasPrefix(f[2], cgroup+"/")) {
			return true
		}
	}
	return false
}

// removeCgroups removes a cgroup and those below it, in every hierarchy. The kernel refuses if a process is in one.
func removeCgroups(cgroup string) error {
	roots := []string{cgroupRoot}
	if !unified() {
		roots, _ = filepath.Glob(filepath.Join(cgroupRoot, "*"))
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
