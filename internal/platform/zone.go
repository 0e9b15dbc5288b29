package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A ZoneInfo is a zone with what is shown beside it.
type ZoneInfo struct {
	cloister.Zone
	Dynos int // that run there, or start
}

// Zones lists the zones of the installation by name.
func (p *Platform) Zones(ctx context.Context, a cloister.Actor) (out []ZoneInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		out, err = zones(tx)
		return err
	})
	return out, err
}

func zones(tx *store.Tx) (out []ZoneInfo, err error) {
	all, err := tx.Zones()
	if err != nil {
		return nil, err
	}
	counts, err := tx.CountZones()
	if err != nil {
		return nil, err
	}
	for _, z := range all {
		info := ZoneInfo{Zone: z}
		for _, c := range counts {
			if c.Zone == z.Name {
				info.Dynos = c.Dynos
			}
		}
		out = append(out, info)
	}
	return out, nil
}

// FailZone declares that a zone has failed: its dynos are replaced elsewhere at once, and nothing starts there until it
// is healed. The last zone that works stays.
func (p *Platform) FailZone(ctx context.Context, a cloister.Actor, name string) (ZoneInfo, error) {
	return p.declare(ctx, a, name, "fail", func(all []ZoneInfo, z *ZoneInfo, now time.Time) error {
		if !slices.ContainsFunc(all, func(o ZoneInfo) bool { return o.Name != z.Name && o.Works() }) {
			return cloister.Errorf(cloister.Invalid, "Zone %s is the last one that dynos can run in. Heal another one first.", z.Name)
		}
		if z.FailedAt.IsZero() {
			z.FailedAt, z.FailedBy = now, a.User.Email
		}
		return nil
	})
}

// HealZone takes back that a zone has failed: dynos are spread over it again, by the rolling rule.
func (p *Platform) HealZone(ctx context.Context, a cloister.Actor, name string) (ZoneInfo, error) {
	return p.declare(ctx, a, name, "heal", func(_ []ZoneInfo, z *ZoneInfo, _ time.Time) error {
		if z.FailedAt.IsZero() && !z.Healthy {
			return cloister.Errorf(cloister.Invalid, "Nobody has declared zone %s failed: its nodes are not healthy. It is used again as soon as one is.", z.Name)
		}
		z.FailedAt, z.FailedBy = time.Time{}, ""
		return nil
	})
}

// declare changes what an operator says of a zone.
func (p *Platform) declare(ctx context.Context, a cloister.Actor, name, action string, change func([]ZoneInfo, *ZoneInfo, time.Time) error) (z ZoneInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		all, err := zones(tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(z ZoneInfo) bool { return z.Name == name })
		if i < 0 {
			return unknownZone(name, all)
		}
		z = all[i]
		if err := change(all, &z, tx.Now); err != nil || z.Zone == all[i].Zone {
			return err
		}
		if err := tx.DeclareZone(name, z.FailedAt, z.FailedBy); err != nil {
			return err
		}
		if err := tx.Changed("zone", name, action, name, all[i].Zone, z.Zone); err != nil {
			return err
		}
		return tx.TouchAll()
	})
	return z, err
}

func unknownZone(name string, all []ZoneInfo) error {
	var names []string
	for _, z := range all {
		names = append(names, z.Name)
	}
	return &cloister.Error{Kind: cloister.NotFound, Resource: "zone",
		Message: fmt.Sprintf("Couldn't find that zone: %q. There are %s.", name, strings.Join(names, ", "))}
}
