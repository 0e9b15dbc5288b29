package platform

import (
	"context"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// SuspendUser keeps a person out: neither password nor tokens work until they are restored. What is theirs stays, and what
// runs goes on. Operators only; nobody can suspend themselves, so one always remains.
func (p *Platform) SuspendUser(ctx context.Context, a cloister.Actor, email string) (cloister.User, error) {
	return p.suspend(ctx, a, email, "suspend", func(u cloister.User, now time.Time) (time.Time, error) {
		if a.Is(u.ID) {
			return now, cloister.Errorf(cloister.Invalid, "You cannot suspend yourself. Ask another operator.")
		}
		if !u.SuspendedAt.IsZero() {
			return u.SuspendedAt, nil
		}
		return now, nil
	})
}

// RestoreUser lets a person in again who was suspended.
func (p *Platform) RestoreUser(ctx context.Context, a cloister.Actor, email string) (cloister.User, error) {
	return p.suspend(ctx, a, email, "restore", func(cloister.User, time.Time) (time.Time, error) { return time.Time{}, nil })
}

func (p *Platform) suspend(ctx context.Context, a cloister.Actor, email, action string, since func(u cloister.User, now time.Time) (time.Time, error)) (u cloister.User, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		if u, err = tx.User(strings.ToLower(email)); err != nil {
			return err
		}
		was := u
		if u.SuspendedAt, err = since(u, tx.Now); err != nil || u.SuspendedAt.Equal(was.SuspendedAt) {
			return err
		}
		if err := tx.SuspendUser(u.ID, u.SuspendedAt); err != nil {
			return err
		}
		return tx.Changed("user", u.ID, action, u.Email, was, u)
	})
	return u, err
}

// active refuses whoever is suspended.
func active(u cloister.User) error {
	if u.SuspendedAt.IsZero() {
		return nil
	}
	return cloister.Errorf(cloister.Suspended, "This account is suspended since %s. Ask an operator of this installation.", u.SuspendedAt.UTC().Format(time.RFC3339))
}
