package web

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
)

// vocabulary is what templates can say.
var vocabulary = template.FuncMap{"ago": ago, "asset": asset, "at": at, "bytes": bytesText, "clock": clock, "exact": exact, "may": cloister.PermissionNames, "plural": plural, "short": short, "standing": standing, "tone": tone}

// ago is how long ago something was, roughly.
func ago(t time.Time) string {
	d := time.Since(t)
	switch {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return plural(int(d.Minutes()), "minute") + " ago"
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour") + " ago"
	case d < 60*24*time.Hour:
		return plural(int(d.Hours()/24), "day") + " ago"
	}
	return t.UTC().Format("2 January 2006")
}

// exact is a time for programs.
func exact(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// clock is a time of day.
func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

// plural counts things: "1 dyno", "2 dynos".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprint(n, " ", thing, "s")
}

// bytesText is a size: "512 MiB".
func bytesText(n int64) string {
	const units = "KMGT"
	f, unit := float64(n), ""
	for i := 0; i < len(units) && f >= 1024; i++ {
		f, unit = f/1024, units[i:i+1]+"i"
	}
	return fmt.Sprintf("%.4g %sB", f, unit)
}

// short is what people call a commit.
func short(commit string) string { return commit[:min(8, len(commit))] }

// standing counts dynos by how they are: "2 up, 1 starting".
func standing(dynos []cloister.Dyno) string {
	count := map[cloister.DynoState]int{}
	for _, d := range dynos {
		count[d.State]++
	}
	var parts []string
	for _, s := range []cloister.DynoState{cloister.DynoUp, cloister.DynoStarting, cloister.DynoCrashed, cloister.DynoDown} {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprint(count[s], " ", s))
		}
	}
	return strings.Join(parts, ", ")
}

// tone is how a state is coloured, beside the word: good, busy, bad, or quiet.
func tone(state string) string {
	switch state {
	case string(cloister.Allocated), string(cloister.DynoUp), string(cloister.Provisioned), "succeeded", string(cloister.PeeringActive), "in force", "ready":
		return "good"
	case string(cloister.Allocating), string(cloister.Deleting), string(cloister.DynoStarting), "pending", "provisioning", "pending-acceptance", "initiating-request", "maintenance":
		return "busy"
	case string(cloister.DynoCrashed), "failed", "rejected":
		return "bad"
	}
	return "quiet"
}
