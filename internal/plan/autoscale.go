package plan

import (
	"fmt"
	"time"

	"github.com/cloister-dev/cloister"
)

// How an Autoscale goes about it: one dyno at a time, more at most every minute, fewer after three calm ones, and by
// what the last hour has shown (heroku-behaviours 3.1). Fewer than ten requests say nothing.
const (
	calmMinutes  = 3
	fewRequests  = 10
	failedAtMost = 20 // percent, while more dynos may still help
	settled      = 50 * time.Second
)

// Autoscale is how many dynos there should be where there are n, and why; n and "" where nothing is to change. past are
// the minutes that are known, of the last hour, in order, without the one that is not over.
func Autoscale(a cloister.Autoscale, n int, past []Minute, now time.Time) (int, string) {
	switch {
	case !a.Active:
		return n, ""
	case n < a.Min:
		return a.Min, fmt.Sprintf("the minimum is %d", a.Min)
	case n > a.Max:
		return a.Max, fmt.Sprintf("the maximum is %d", a.Max)
	case len(past) == 0:
		return n, ""
	}
	last := past[len(past)-1]
	if end := last.At.Add(time.Minute); now.Sub(end) > time.Minute || end.Sub(a.ScaledAt) < settled {
		return n, "" // nothing is known since
	}
	if why := hot(a, last); why != "" {
		if n < a.Max && last.Failed*100 <= last.Requests*failedAtMost {
			return n + 1, why
		}
		return n, ""
	}
	if why := calm(a, n, past); n > a.Min && why != "" {
		return n - 1, why
	}
	return n, ""
}

// AtMaximum reports, in words, that more dynos would help and are not allowed: for the first minute that it is so.
func AtMaximum(a cloister.Autoscale, n int, past []Minute) string {
	if !a.Active || n < a.Max || len(past) == 0 {
		return ""
	}
	if len(past) > 1 {
		if before := past[len(past)-2]; before.Dynos >= n && hot(a, before) != "" {
			return "" // was said then
		}
	}
	return hot(a, past[len(past)-1])
}

// hot says why a minute was too much for the dynos there were.
func hot(a cloister.Autoscale, m Minute) string {
	if p95, n := m.Latency.P95(); a.Latency > 0 && n >= fewRequests && p95 >= a.Latency {
		return fmt.Sprintf("95%% of requests took up to %d ms, wanted less than %d", p95.Milliseconds(), a.Latency.Milliseconds())
	}
	if a.CPU > 0 && m.CPU >= float64(a.CPU) {
		return fmt.Sprintf("processors were busy by %.0f%%, wanted less than %d", m.CPU, a.CPU)
	}
	return ""
}

// calm says why one dyno of n can go: a few minutes without need, and what they had to do is within what fewer dynos are
// known to manage. "" if it can not.
func calm(a cloister.Autoscale, n int, past []Minute) string {
	if len(past) < calmMinutes || n < 2 {
		return ""
	}
	recent := past[len(past)-calmMinutes:]
	if recent[0].At.Add(time.Minute).Sub(a.ScaledAt) < settled || recent[calmMinutes-1].At.Sub(recent[0].At) > calmMinutes*time.Minute {
		return ""
	}
	var most Minute
	var slowest time.Duration
	for _, m := range recent {
		if hot(a, m) != "" {
			return ""
		}
		most.Requests, most.CPU = max(most.Requests, m.Requests), max(most.CPU, m.CPU)
		if p95, k := m.Latency.P95(); k > 0 {
			slowest = max(slowest, p95)
		}
	}
	if a.CPU > 0 && most.CPU*float64(n)/float64(n-1) >= 0.9*float64(a.CPU) {
		return ""
	}
	if a.Latency > 0 && !manages(a, float64(most.Requests)/float64(n-1), slowest, past) {
		return ""
	}
	return fmt.Sprintf("for %d minutes %d would have been enough", calmMinutes, n-1)
}

// manages reports whether a dyno answers so many requests a minute fast enough, as far as the past tells. Where it tells
// nothing, being twice as fast as wanted is enough.
func manages(a cloister.Autoscale, each float64, slowest time.Duration, past []Minute) bool {
	known := false
	for _, m := range past {
		p95, k := m.Latency.P95()
		if m.Dynos == 0 || k < fewRequests {
			continue
		}
		load := float64(m.Requests) / float64(m.Dynos)
		if p95 >= a.Latency && load <= each {
			return false
		}
		known = known || p95 < a.Latency && load >= each
	}
	return known || slowest <= a.Latency/2
}
