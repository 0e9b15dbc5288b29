package local

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

// Usage reads the control groups of the workloads that run. One that ends meanwhile is left out.
func (e *Engine) Usage(ctx context.Context, owner string) ([]engine.Usage, error) {
	e.mu.Lock()
	var all []*workload
	for _, w := range e.workloads {
		if (owner == "" || w.spec.Owner == owner) && w.status().Phase == engine.Running {
			all = append(all, w)
		}
	}
	e.mu.Unlock()
	var out []engine.Usage
	for _, w := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if u, ok := cgroups.usage(e.cgroup(w)); ok {
			u.ID, u.Owner, u.Limit, u.At = w.spec.ID, w.spec.Owner, w.spec.Size.Memory, e.now()
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b engine.Usage) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// usage reads what the processes of a cgroup use; ok is false when there is no such group.
func (h hierarchy) usage(cgroup string) (u engine.Usage, ok bool) {
	if h.unified() {
		dir := filepath.Join(string(h), cgroup)
		stat := numbers(filepath.Join(dir, "memory.stat"))
		u.Memory, ok = number(filepath.Join(dir, "memory.current"))
		u.RSS, u.Cache = stat["anon"], stat["file"]
		u.Swap, _ = number(filepath.Join(dir, "memory.swap.current"))
		u.CPU = time.Duration(numbers(filepath.Join(dir, "cpu.stat"))["usage_usec"]) * time.Microsecond
		pids, _ := number(filepath.Join(dir, "pids.current"))
		u.PIDs, u.Runnable = int(pids), runnable(filepath.Join(dir, "cgroup.threads"))
		return u, ok
	}
	memory := filepath.Join(string(h), "memory", cgroup)
	stat := numbers(filepath.Join(memory, "memory.stat"))
	u.Memory, ok = number(filepath.Join(memory, "memory.usage_in_bytes"))
	u.RSS, u.Cache, u.Swap = stat["total_rss"], stat["total_cache"], stat["total_swap"]
	u.PagesIn, u.PagesOut = stat["total_pgpgin"], stat["total_pgpgout"]
	cpu, _ := number(filepath.Join(string(h), "cpuacct", cgroup, "cpuacct.usage"))
	pids, _ := number(filepath.Join(string(h), "pids", cgroup, "pids.current"))
	u.CPU, u.PIDs, u.Runnable = time.Duration(cpu), int(pids), runnable(filepath.Join(memory, "tasks"))
	return u, ok
}

// peak is the most memory that a cgroup has used at once, in bytes; 0 where the kernel does not tell.
func (h hierarchy) peak(cgroup string) int64 {
	file := filepath.Join(string(h), "memory", cgroup, "memory.max_usage_in_bytes")
	if h.unified() {
		file = filepath.Join(string(h), cgroup, "memory.peak")
	}
	n, _ := number(file)
	return n
}

// number reads a file that has one.
func number(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// numbers reads a file of names and numbers, a pair on each line.
func numbers(file string) map[string]int64 {
	out := map[string]int64{}
	text, err := os.ReadFile(file)
	if err != nil {
		return out
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			out[name] = n
		}
	}
	return out
}

// runnable counts the threads in a list that run or wait for a processor. Of a dyno with thousands the first ones stand
// for all: whoever forks without end must not keep the machine busy with being counted.
func runnable(list string) int {
	text, err := os.ReadFile(list)
	if err != nil {
		return 0
	}
	const enough = 512
	tids := strings.Fields(string(text))
	n := 0
	for _, tid := range tids[:min(len(tids), enough)] {
		if running(tid) {
			n++
		}
	}
	if len(tids) > enough {
		n = n * len(tids) / enough
	}
	return n
}

// running reports whether a thread runs, or wants to: its state, behind its name in brackets, is R.
func running(tid string) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", tid))
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(stat, ')')
	return i >= 0 && i+2 < len(stat) && stat[i+2] == 'R'
}
