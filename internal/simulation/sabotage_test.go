package simulation

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
)

// sabotages are what a world may do that does not do as it is told. Each breaks a promise, so histories that do not see
// it would prove nothing.
var sabotages = []string{
	"stopped dynos run on",
	"the dead look alive",
	"a stop takes a neighbour along",
	"the router takes no tables",
	"nobody waits for requests",
}

// TestTheHistoriesSeeWhatIsBroken plays short histories in sabotaged worlds until one fails.
func TestTheHistoriesSeeWhatIsBroken(t *testing.T) {
	if part {
		t.Skip("one process is enough for this")
	}
	const atMost = 1000
	all := rapid.Custom(brief.draw)
	for _, sabotage := range sabotages {
		t.Run(sabotage, func(t *testing.T) {
			for seed := 1; seed <= atMost; seed++ {
				h := all.Example(seed)
				h.sabotage = sabotage
				var err error
				synctest.Test(t, func(t *testing.T) { err = simulate(t, h) })
				if err != nil {
					t.Logf("seen by history %d: %v", seed, err)
					return
				}
			}
			t.Errorf("%d histories did not see it", atMost)
		})
	}
}

// A saboteur is an engine that does not do as it is told.
type saboteur struct {
	*fake.Engine
	how string
}

func (s saboteur) List(ctx context.Context, space string) ([]engine.Status, error) {
	all, err := s.Engine.List(ctx, space)
	for i := range all {
		if s.how == "the dead look alive" && all[i].Phase == engine.Exited {
			all[i].Phase = engine.Running
		}
	}
	return all, err
}

func (s saboteur) Stop(ctx context.Context, id string, grace time.Duration) error {
	switch s.how {
	case "stopped dynos run on":
		return nil
	case "a stop takes a neighbour along":
		all, err := s.List(ctx, "")
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.ID != id && other.Phase == engine.Running {
				s.Crash(other.ID, 1)
				break
			}
		}
	}
	return s.Engine.Stop(ctx, id, grace)
}
