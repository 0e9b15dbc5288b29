package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// Look asks the server, and the monitor what it holds of it. A server that takes itself for the primary, and the monitor has
// made another, is about to be told otherwise, and nobody should go there.
func (k Kind) Look(ctx context.Context, s addon.Spec, slot string, x addon.Exec) (addon.Health, error) {
	said, err := x.Output(ctx, slot, "", "/cloister/bin/look")
	if err != nil {
		return addon.Health{}, err
	}
	return judge(facts(said), slot), nil
}

// primaries are the states of pg_auto_failover in which an instance takes writes.
var primaries = []string{"", "single", "primary", "wait_primary", "join_primary", "apply_settings"}

func judge(f map[string]string, slot string) addon.Health {
	switch {
	case slot == monitor:
		return addon.Health{Ready: f["monitor"] != ""}
	case f["recovery"] == "t" || f["recovery"] == "true":
		return addon.Health{Ready: f["following"] == "1", Role: "standby"}
	case f["recovery"] != "" && slices.Contains(primaries, f["goal"]) && (f["readonly"] == "off" || f["full"] != ""):
		return addon.Health{Ready: true, Role: "primary"}
	}
	return addon.Health{}
}

// primary is the slot of the instance that takes writes.
func (k Kind) primary(ctx context.Context, s addon.Spec, x addon.Exec) (string, error) {
	slots := running(s)
	slices.SortStableFunc(slots, func(a, b string) int { return rank(s, a) - rank(s, b) })
	for _, slot := range slots {
		if h, err := k.Look(ctx, s, slot, x); err == nil && h.Ready && h.Role == "primary" {
			return slot, nil
		}
	}
	return "", cloister.Errorf(cloister.Unavailable, "%s takes no writes at this moment. Try again in a minute.", s.Addon.Name)
}

// rank has what was the primary asked first.
func rank(s addon.Spec, slot string) int {
	if slices.ContainsFunc(s.Instances, func(i cloister.Instance) bool { return i.Slot == slot && i.Role == "primary" }) {
		return 0
	}
	return 1
}

// facts reads lines of the form name:value.
func facts(said string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(said) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}
