package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// lostZones remembers which zones are lost, and since when.
type lostZones struct {
	names []string
	since time.Time
}

// check fails when requests still go to a zone a second after it was lost. While the engine is away nobody knows of
// its zones.
func (l *lostZones) check(ctx context.Context, s *server, table cloister.Routes) error {
	nodes, err := s.fake.Nodes(ctx)
	if err != nil {
		l.since = time.Now()
		return nil
	}
	var rows []cloister.Zone
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.Zones()
		return err
	}); err != nil {
		return err
	}
	if lost := plan.Lost(plan.Declared(plan.Zones(nodes), rows)); !slices.Equal(lost, l.names) {
		l.names, l.since = lost, time.Now()
	}
	if time.Since(l.since) <= time.Second {
		return nil
	}
	for _, a := range table.Apps {
		for _, d := range a.Dynos {
			if slices.Contains(l.names, d.Zone) {
				return fmt.Errorf("requests for %s go to %s in zone %s, %v after it was lost", a.AppName, d.Name, d.Zone, time.Since(l.since))
			}
		}
	}
	return nil
}
