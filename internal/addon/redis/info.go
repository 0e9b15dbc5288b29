package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// Info is what redis:info prints of a service, in its order. Where no instance answers it is what is known without.
func (k Kind) Info(ctx context.Context, s addon.Spec, x addon.Exec) []addon.Fact {
	_, f := k.primary(ctx, s, x)
	return k.info(s, f)
}

// primary is the slot of the primary, and what it says of itself; "" and nil if none says anything.
func (k Kind) primary(ctx context.Context, s addon.Spec, x addon.Exec) (string, map[string]string) {
	for _, slot := range running(s) {
		if said, err := x.Output(ctx, slot, "", "/cloister/bin/look"); err == nil {
			if f := facts(said); judge(f, s, slot).Role == "primary" {
				return slot, f
			}
		}
	}
	return "", nil
}

func (k Kind) info(s addon.Spec, f map[string]string) []addon.Fact {
	setting := map[string]string{}
	for _, t := range settings {
		setting[t.name] = t.value(s)
	}
	status, version, persistence := "preparing", Version, "AOF"
	if s.Addon.State == cloister.Provisioned {
		status = "unavailable"
	}
	if f != nil {
		status, version = "available", f["valkey_version"]
		if f["aof_last_write_status"] == "err" {
			persistence = "AOF (the last write failed)"
		}
	}
	notifications := "Disabled"
	if setting["notify_keyspace_events"] != "" {
		notifications = "Enabled (" + setting["notify_keyspace_events"] + ")"
	}
	fact := func(name string, values ...string) addon.Fact { return addon.Fact{Name: name, Values: values} }
	out := []addon.Fact{
		fact("Plan", s.Plan.HumanName),
		fact("Status", status),
		fact("Created", s.Addon.CreatedAt.UTC().Format(time.RFC3339)),
		fact("Version", version),
		fact("Timeout", setting["timeout"]),
		fact("Maxmemory", setting["maxmemory_policy"]),
		fact("Maintenance", "not required"),
		fact("Persistence", persistence),
		fact("HA Status", availability(s, f)),
		fact("Requires TLS", "Yes"),
		fact("Keyspace Notifications", notifications),
	}
	if f == nil {
		return out
	}
	used, _ := strconv.ParseFloat(f["used_memory"], 64) // a number, since Valkey says it
	limit := float64(maxmemory(s.Plan.Shape))
	return append(out,
		fact("Connections", fmt.Sprintf("%s/%d", f["connected_clients"], connections(s.Plan.Shape))),
		fact("Memory", fmt.Sprintf("%.1f MB/%.0f MB (%.1f%%)", used/(1<<20), limit/(1<<20), 100*used/limit)),
	)
}

// availability is in Heroku's words: whether there is a standby that could take over now.
func availability(s addon.Spec, f map[string]string) string {
	switch {
	case !s.Plan.Shape.Standby:
		return "Unavailable"
	case f["connected_slaves"] == "1":
		return "Available"
	}
	return "Temporarily Unavailable"
}
