package platform

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Measure reports why an actor may not read the metrics of the installation, or nil: they tell of all spaces and apps, so
// operators alone may.
func (p *Platform) Measure(ctx context.Context, a cloister.Actor) error {
	return p.view(ctx, a, func(tx *store.Tx) error { return p.can(tx, a, administer, object{}) })
}
