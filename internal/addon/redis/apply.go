package redis

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// Apply sets passwords and settings at all instances that run and have data. Others get them when they start. Where a
// password is no longer good, those who have come by it may have to come again.
func (k Kind) Apply(ctx context.Context, s addon.Spec, x addon.Exec) error {
	for _, slot := range running(s) {
		is, err := command(ctx, x, slot, "ACL GETUSER default")
		if err != nil {
			return err
		}
		wanted := hashes(s)
		lines := []string{"ACL SETUSER default resetpass " + strings.Join(wanted, " ")}
		if slices.ContainsFunc(sum.FindAllString(is, -1), func(h string) bool { return !slices.Contains(wanted, "#"+h) }) {
			lines = append(lines, "CLIENT KILL USER default")
		}
		for _, c := range configs(s) {
			lines = append(lines, "CONFIG SET "+c)
		}
		if _, err := command(ctx, x, slot, lines...); err != nil {
			return err
		}
	}
	return nil
}

var sum = regexp.MustCompile(`[0-9a-f]{64}`)

// Deeds are what can be done.
func (k Kind) Deeds() map[string]addon.Deed {
	return map[string]addon.Deed{"stats_reset": k.StatsReset, "failover": k.Failover}
}

// Port is where clients come to.
func (Kind) Port() int { return port }

// StatsReset sets the counters of INFO to nothing.
func (k Kind) StatsReset(ctx context.Context, s addon.Spec, x addon.Exec) error {
	for _, slot := range running(s) {
		if _, err := command(ctx, x, slot, "CONFIG RESETSTAT"); err != nil {
			return err
		}
	}
	return nil
}

// Failover makes the standby the primary, while both are well: before a zone goes, or to see what an app does. Whoever writes
// waits meanwhile, so that the standby has all of it. It returns when it has begun.
func (k Kind) Failover(ctx context.Context, s addon.Spec, x addon.Exec) error {
	if !s.Plan.Shape.Standby {
		return cloister.Errorf(cloister.Invalid, "%s has no standby. Plans with high availability have one.", s.Addon.Name)
	}
	busy := cloister.Errorf(cloister.Conflict, "The standby of %s is not ready to take over. Try again in a minute.", s.Addon.Name)
	slot, _ := k.primary(ctx, s, x)
	if slot == "" {
		return busy
	}
	if _, err := command(ctx, x, slot, "CLIENT PAUSE 10000 WRITE"); err != nil {
		return err
	}
	err := k.caughtUp(ctx, x, slot)
	if err == nil {
		var said string
		said, err = x.Output(ctx, witness, "SENTINEL FAILOVER main\n", "/cloister/bin/cli", fmt.Sprint(sentinelPort))
		if strings.Contains(said, "NOGOODSLAVE") || strings.Contains(said, "INPROG") {
			err = busy
		}
	}
	if err != nil {
		_, again := command(context.WithoutCancel(ctx), x, slot, "CLIENT UNPAUSE")
		return errors.Join(err, again)
	}
	return nil
}

// caughtUp waits until the standby of a primary that takes no writes has all there is, for a few seconds.
func (k Kind) caughtUp(ctx context.Context, x addon.Exec, slot string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		said, err := command(ctx, x, slot, "INFO replication")
		if err != nil {
			return err
		}
		f := facts(said)
		if at := f["master_repl_offset"]; at != "" && strings.Contains(f["slave0"], "offset="+at+",") {
			return nil
		}
	}
}

// running are the slots that have data, and a run.
func running(s addon.Spec) (out []string) {
	for _, i := range s.Instances {
		if i.Slot != witness && i.Workload != "" {
			out = append(out, i.Slot)
		}
	}
	return out
}

// command runs commands at a server and returns what it answered.
func command(ctx context.Context, x addon.Exec, slot string, lines ...string) (string, error) {
	return x.Output(ctx, slot, strings.Join(lines, "\n")+"\n", "/cloister/bin/cli", fmt.Sprint(port))
}
