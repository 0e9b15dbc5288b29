package simulation

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// lostZones remembers which zones are lost, and since when.
type lostZones struct {
	seen  []plan.Zone // while the engine was there
	names []string
	since time.Time
}

// check fails when requests still go to a zone a second after it was lost. While the engine is away nobody knows more
// of its zones than what was recorded before; but what operators declare counts.
func (l *lostZones) check(ctx context.Context, s *server, table cloister.Routes) error {
	nodes, away := s.fake.Nodes(ctx)
	if away == nil {
		l.seen = plan.Zones(nodes)
	}
	var rows []cloister.Zone
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.Zones()
		return err
	}); err != nil {
		return err
	}
	lost := plan.Lost(plan.Declared(l.seen, rows))
	if unknown := away != nil && !slices.Equal(l.seen, plan.Seen(rows)); unknown || !slices.Equal(lost, l.names) {
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

// What the declaration takes away once the engine is back is no fault of the server's.
func TestAZoneIsLeftThatWasDeclaredFailedWhileTheEngineWasAway(t *testing.T) {
	h := history{apps: []string{"gamma"}, sizes: map[string]int{"gamma web": 3, "gamma worker": 3}, first: 2 * time.Minute, script: []action{
		{what: "break engine", pause: time.Second},
		{what: "declare failed", zone: "b", pause: 5 * time.Second},
		{what: "mend engine", pause: time.Minute},
		{what: "declare healed", zone: "b", pause: 2 * time.Minute},
	}}
	var err error
	synctest.Test(t, func(t *testing.T) { err = simulate(t, h) })
	if err != nil {
		t.Error(err)
	}
}
