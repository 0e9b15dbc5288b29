package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cloister-dev/cloister/internal/engine"
)

// tree is a directory with files in it, as the kernel shows control groups.
func tree(t *testing.T, files map[string]string) hierarchy {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return hierarchy(root)
}

func TestBothVersionsOfControlGroupsAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		files   map[string]string
		unified bool
		swap    bool
		kills   int
	}{
		"version 1": {map[string]string{
			"memory/memory.limit_in_bytes":         "1\n",
			"memory/cloister/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
		}, false, false, 2},
		"version 1, counting swap": {map[string]string{
			"memory/memory.memsw.limit_in_bytes":   "1\n",
			"memory/cloister/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
		}, false, true, 0},
		"version 2": {map[string]string{
			"cgroup.controllers":       "cpuset cpu io memory pids\n",
			"cloister/x/memory.events": "low 0\nhigh 0\nmax 31\noom 4\noom_kill 3\noom_group_kill 0\n",
		}, true, true, 3},
		"version 2, the group is gone": {map[string]string{"cgroup.controllers": "cpu memory pids\n"}, true, true, 0},
		"both, version 2 without controllers": {map[string]string{ // as systemd calls hybrid
			"unified/cgroup.controllers":           "\n",
			"memory/cloister/x/memory.oom_control": "oom_kill 1\n",
		}, false, false, 1},
	} {
		h := tree(t, c.files)
		if u, s, k := h.unified(), h.swapLimits(), h.oomKills("/cloister/x"); u != c.unified || s != c.swap || k != c.kills {
			t.Errorf("%s: unified %v, swap %v, %d kills", name, u, s, k)
		}
	}
}

func TestControlGroupsAreRemovedWithThoseBelow(t *testing.T) {
	for name, roots := range map[string][]string{"version 1": {"memory", "cpu", "pids"}, "version 2": {"."}} {
		files := map[string]string{}
		if name == "version 2" {
			files["cgroup.controllers"] = "memory\n"
		}
		h := tree(t, files)
		for _, r := range roots {
			for _, dir := range []string{"cloister/x/below/that", "cloister/y"} {
				if err := os.MkdirAll(filepath.Join(string(h), r, dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 2 {
			if err := h.remove("/cloister/x"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, r := range roots {
			_, x := os.Stat(filepath.Join(string(h), r, "cloister/x"))
			_, y := os.Stat(filepath.Join(string(h), r, "cloister/y"))
			if x == nil || y != nil {
				t.Errorf("%s: in %s x is left: %v, y is gone: %v", name, r, x == nil, y != nil)
			}
		}
	}
}

func TestProcessIsFoundInItsControlGroup(t *testing.T) {
	const v1 = "5:pids:/cloister/x\n4:memory:/cloister/x/below\n0::/\n"
	for text, want := range map[string]bool{
		v1:                       true,
		"0::/cloister/x\n":       true,
		"0::/cloister/x/below\n": true,
		"0::/cloister/xy\n":      false,
		"0::/\n":                 false,
		"0::/cloister/x:y\n":     false,
		"":                       false,
	} {
		if got := within(text, "/cloister/x"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// Version 2 has a limit of its own for swap, which runc makes of the difference: here nothing.
func TestMemoryLimitLeavesNoSwap(t *testing.T) {
	w := engine.Workload{Size: engine.Size{Memory: 64 << 20, CPU: 500, PIDs: 40}}
	r := spec(w, box{Swap: true, Command: []string{"x"}}).Linux.Resources
	if *r.Memory.Limit != 64<<20 || *r.Memory.Swap != *r.Memory.Limit || *r.CPU.Quota*2 != int64(*r.CPU.Period) || *r.Pids.Limit != 40 {
		t.Errorf("limits: %+v %+v %+v", r.Memory, r.CPU, r.Pids)
	}
	if r := spec(w, box{Command: []string{"x"}}).Linux.Resources; r.Memory.Swap != nil {
		t.Error("swap is limited by a kernel that cannot")
	}
}
