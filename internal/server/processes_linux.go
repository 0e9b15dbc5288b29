package server

import (
	"os"
	"slices"
	"time"

	"github.com/prometheus/procfs"

	"github.com/cloister-dev/cloister/internal/metrics"
)

// ownProcesses measures the processes that the supervisor has started, this one among them; this one alone, if there is
// no supervisor.
func ownProcesses() ([]metrics.Process, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, err
	}
	var out []metrics.Process
	for _, p := range all {
		stat, err := p.Stat()
		if err != nil || stat.PPID != os.Getppid() && p.PID != os.Getpid() {
			continue // it has ended meanwhile, or is none of ours
		}
		name := "server"
		if words, err := p.CmdLine(); err == nil && len(words) > 1 && slices.Contains([]string{"node", "control", "router"}, words[1]) {
			name = words[1]
		} else if p.PID != os.Getpid() {
			continue
		}
		began, err := stat.StartTime()
		if err != nil {
			continue
		}
		out = append(out, metrics.Process{Name: name, RSS: int64(stat.ResidentMemory()), CPU: time.Duration(stat.CPUTime() * float64(time.Second)),
			Started: time.UnixMicro(int64(began * 1e6)), Threads: stat.NumThreads})
	}
	return out, nil
}
