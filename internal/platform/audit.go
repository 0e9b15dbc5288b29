package platform

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// MaxEvents is how many events of the audit trail can be had at once.
const MaxEvents = 1000

// Events lists at most n events of the audit trail that a filter picks, in order. Operators only.
func (p *Platform) Events(ctx context.Context, a cloister.Actor, f cloister.EventFilter, n int) (out []cloister.Event, err error) {
	if err := validEvents(n); err != nil {
		return nil, err
	}
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		out, err = tx.Events(f, n)
		return err
	})
	return out, err
}

func validEvents(n int) error {
	if n < 1 || n > MaxEvents {
		return cloister.Errorf(cloister.Invalid, "Between 1 and %d events can be had at once. Ask for those after the last one next.", MaxEvents)
	}
	return nil
}

// Audit looks at the seals of the whole audit trail. Operators only.
func (p *Platform) Audit(ctx context.Context, a cloister.Actor) (out cloister.Audit, err error) {
	if err := p.view(ctx, a, func(tx *store.Tx) error { return p.can(tx, a, administer, object{}) }); err != nil {
		return out, err
	}
	return p.store.Audit(ctx)
}
