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

// SuspendTeam holds a team and all that it owns as they are: its people can look, and change nothing, read no secret and
// deploy nothing until it is restored. What runs goes on. Operators only.
func (p *Platform) SuspendTeam(ctx context.Context, a cloister.Actor, ref string) (cloister.Team, error) {
	return p.hold(ctx, a, ref, "suspend", func(t cloister.Team, now time.Time) time.Time {
		if !t.SuspendedAt.IsZero() {
			return t.SuspendedAt
		}
		return now
	})
}

// RestoreTeam lets a team that was suspended go on.
func (p *Platform) RestoreTeam(ctx context.Context, a cloister.Actor, ref string) (cloister.Team, error) {
	return p.hold(ctx, a, ref, "restore", func(cloister.Team, time.Time) time.Time { return time.Time{} })
}

func (p *Platform) hold(ctx context.Context, a cloister.Actor, ref, action string, since func(t cloister.Team, now time.Time) time.Time) (t cloister.Team, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		if t, err = tx.Team(strings.ToLower(ref)); err != nil {
			return err
		}
		was := t
		if t.SuspendedAt = since(t, tx.Now); t.SuspendedAt.Equal(was.SuspendedAt) {
			return nil
		}
		if err := tx.SuspendTeam(t.ID, t.SuspendedAt); err != nil {
			return err
		}
		return tx.Changed("team", t.ID, action, t.Name, was, t)
	})
	return t, err
}

// active refuses whoever is suspended.
func active(u cloister.User) error {
	if u.SuspendedAt.IsZero() {
		return nil
	}
	return cloister.Errorf(cloister.Suspended, "This account is suspended since %s. Ask an operator of this installation.", u.SuspendedAt.UTC().Format(time.RFC3339))
}
