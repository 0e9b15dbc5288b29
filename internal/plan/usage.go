package plan

import (
	"fmt"
	"math"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// outOfMemory is what an app's log says of a dyno of which the kernel killed a process for memory.
func outOfMemory(size string, s engine.Status) []string {
	if !s.OOM {
		return nil
	}
	lines := []string{"Error R15 (Memory quota vastly exceeded)"}
	if quota, err := cloister.SizeByName(size); err == nil && s.Peak > 0 {
		lines = append([]string{fmt.Sprintf("Process running mem=%.0fM(%.1f%%)", megabytes(s.Peak), 100*float64(s.Peak)/float64(quota.Memory))}, lines...)
	}
	return lines
}

// A Load is how many threads of a dyno want a processor, averaged over the last minute, five and fifteen: each look counts
// for less as time goes by (heroku-behaviours 6.4). The zero Load has seen none.
type Load struct {
	At      time.Time
	Average [3]float64
}

var loadSpans = [3]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// Saw adds a look.
func (l Load) Saw(u engine.Usage) Load {
	passed := u.At.Sub(l.At)
	if l.At.IsZero() || passed < 0 {
		passed = 0
	}
	for i, span := range loadSpans {
		weight := 1 - math.Exp(-float64(passed)/float64(span))
		l.Average[i] += weight * (float64(u.Runnable) - l.Average[i])
	}
	l.At = u.At
	return l
}

// Metrics are the two lines that log-runtime-metrics writes of a dyno, in Heroku's words (heroku-behaviours 6.4).
func Metrics(d cloister.Dyno, u engine.Usage, l Load) []string {
	head := fmt.Sprintf("source=%s dyno=heroku.%s.%s ", d.Name(), d.AppID, d.ID)
	return []string{
		head + fmt.Sprintf("sample#load_avg_1m=%.2f sample#load_avg_5m=%.2f sample#load_avg_15m=%.2f", l.Average[0], l.Average[1], l.Average[2]),
		head + fmt.Sprintf("sample#memory_total=%.2fMB sample#memory_rss=%.2fMB sample#memory_cache=%.2fMB sample#memory_swap=%.2fMB sample#memory_pgpgin=%dpages sample#memory_pgpgout=%dpages sample#memory_quota=%.2fMB",
			megabytes(u.RSS+u.Cache+u.Swap), megabytes(u.RSS), megabytes(u.Cache), megabytes(u.Swap), u.PagesIn, u.PagesOut, megabytes(u.Limit)),
	}
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }

// Busy is how many percent of their processors dynos used, on average: of those that there were at both looks, which are
// so long apart. cpu is what each may use, in thousandths of a core.
func Busy(before, after map[string]time.Duration, passed time.Duration, cpu int) float64 {
	var used time.Duration
	n := 0
	for id, now := range after {
		if then, both := before[id]; both && now >= then {
			used += now - then
			n++
		}
	}
	if n == 0 || passed <= 0 || cpu <= 0 {
		return 0
	}
	return 100 * float64(used) / float64(passed) / float64(n) * 1000 / float64(cpu)
}
