package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestUsersAreFoundByIDAndByAddress(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		for _, ref := range []string{x.user.ID, x.user.Email} {
			same(t, read(t, s, func(tx *store.Tx) (cloister.User, error) { return tx.User(ref) }), x.user)
		}
		var bob cloister.User
		update(t, s, func(tx *store.Tx) error {
			bob = newUser(tx, "aaa@example.com")
			bob.Operator = false
			return tx.InsertUser(bob)
		})
		same(t, read(t, s, (*store.Tx).Users), []cloister.User{bob, x.user})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.User("nobody@example.com"); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertUser(newUser(tx, "ada@example.com")) })
	})
}

func TestSetPasswordReplacesTheHash(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		p.clock.advance(time.Hour)
		update(t, s, func(tx *store.Tx) error { return tx.SetPassword(x.user.ID, "another") })
		want := x.user
		want.PasswordHash, want.UpdatedAt = "another", p.clock.Now()
		same(t, read(t, s, func(tx *store.Tx) (cloister.User, error) { return tx.User(x.user.ID) }), want)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SetPassword(cloister.NewID(), "x") })
	})
}

func TestAuthorizationsLiveAndDie(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		a := cloister.Authorization{ID: cloister.NewID(), UserID: x.user.ID, Description: "laptop", Scope: []cloister.Scope{"read", "identity"},
			Hash: "h1", Hint: "beef", ExpiresAt: p.clock.Now().Add(time.Hour), CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
		forever := a
		forever.ID, forever.Hash, forever.ExpiresAt, forever.CreatedAt = cloister.NewID(), "h2", time.Time{}, a.CreatedAt.Add(time.Microsecond)
		update(t, s, func(tx *store.Tx) error {
			if err := tx.InsertAuthorization(forever); err != nil {
				return err
			}
			return tx.InsertAuthorization(a)
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Authorization, error) { return tx.Authorization(a.ID) }), a)
		same(t, read(t, s, func(tx *store.Tx) (cloister.Authorization, error) { return tx.AuthorizationByHash("h2") }), forever)
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Authorization, error) { return tx.Authorizations(x.user.ID) }),
			[]cloister.Authorization{a, forever}) // by age, to the microsecond

		p.clock.advance(time.Minute)
		a.Description, a.Hash, a.Hint, a.ExpiresAt, a.UpdatedAt = "desktop", "h3", "cafe", time.Time{}, p.clock.Now()
		update(t, s, func(tx *store.Tx) error { return tx.UpdateAuthorization(a) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.Authorization, error) { return tx.AuthorizationByHash("h3") }), a)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.AuthorizationByHash("h1"); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { b := a; b.Hash = "h2"; return tx.UpdateAuthorization(b) })

		update(t, s, func(tx *store.Tx) error { return tx.DeleteAuthorization(a.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Authorization(a.ID); return err })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteAuthorization(a.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.UpdateAuthorization(a) })
	})
}

func TestAUserIsSuspendedSinceATime(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		since := func() time.Time {
			return read(t, s, func(tx *store.Tx) (cloister.User, error) { return tx.User(x.user.ID) }).SuspendedAt
		}
		for _, at := range []time.Time{p.clock.Now(), {}} {
			update(t, s, func(tx *store.Tx) error { return tx.SuspendUser(x.user.ID, at) })
			same(t, since(), at)
		}
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SuspendUser(cloister.NewID(), p.clock.Now()) })
	})
}

func TestOperatorsComeAndGo(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		for _, on := range []bool{true, false} {
			update(t, s, func(tx *store.Tx) error { return tx.SetOperator(x.user.ID, on) })
			same(t, read(t, s, func(tx *store.Tx) (cloister.User, error) { return tx.User(x.user.ID) }).Operator, on)
		}
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SetOperator("none", true) })
	})
}
