package local

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestUsageIsReadOfBothVersions(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"version 1": {
			"memory/cloister/x/memory.usage_in_bytes":     "3000\n",
			"memory/cloister/x/memory.max_usage_in_bytes": "4000\n",
			"memory/cloister/x/memory.stat":               "cache 1\nrss 2\ntotal_cache 1000\ntotal_rss 2000\ntotal_swap 5\ntotal_pgpgin 70\ntotal_pgpgout 60\n",
			"memory/cloister/x/tasks":                     "1\nnone\n",
			"cpuacct/cloister/x/cpuacct.usage":            "2000000\n",
			"pids/cloister/x/pids.current":                "4\n",
		},
		"version 2": {
			"cgroup.controllers":             "cpuset cpu io memory pids\n",
			"cloister/x/memory.current":      "3000\n",
			"cloister/x/memory.peak":         "4000\n",
			"cloister/x/memory.stat":         "anon 2000\nfile 1000\nkernel 0\n",
			"cloister/x/memory.swap.current": "5\n",
			"cloister/x/cpu.stat":            "usage_usec 2000\nuser_usec 1\n",
			"cloister/x/pids.current":        "4\n",
			"cloister/x/cgroup.threads":      "1\n",
		},
	} {
		h := tree(t, files)
		u, ok := h.usage("/cloister/x")
		u.Runnable = 0 // of this machine's process 1, whatever it does
		want := engine.Usage{Memory: 3000, RSS: 2000, Cache: 1000, Swap: 5, CPU: 2 * time.Millisecond, PIDs: 4}
		if name == "version 1" {
			want.PagesIn, want.PagesOut = 70, 60
		}
		if !ok || u != want || h.peak("/cloister/x") != 4000 {
			t.Errorf("%s: got %+v, %v, peak %d", name, u, ok, h.peak("/cloister/x"))
		}
		if u, ok := h.usage("/cloister/gone"); ok {
			t.Errorf("%s: a group that is gone uses %+v", name, u)
		}
	}
}

func TestRunnableThreadsAreCounted(t *testing.T) {
	busy, stop := make(chan struct{}), make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		runtime.LockOSThread()
		close(busy)
		for {
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	<-busy
	defer ended.Wait()
	defer close(stop)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "tasks")
	var tids strings.Builder
	for _, d := range tasks {
		tids.WriteString(d.Name() + "\n")
	}
	if err := os.WriteFile(list, []byte(tids.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if n := runnable(list); n < 1 || n > len(tasks) {
		t.Errorf("%d of %d threads run", n, len(tasks))
	}
	if n := runnable(list + ".gone"); n != 0 {
		t.Errorf("%d threads of nothing run", n)
	}
}
