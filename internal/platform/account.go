package platform

import (
	"context"
	"errors"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A Setup is the first administrator of an installation and their team.
type Setup struct {
	Email    string
	Password cloister.Secret
	Team     string
}

// SetUp makes the first user, an operator, and the first team, of which they are admin. It works once: later it is
// Forbidden. It returns the user as an actor.
func (p *Platform) SetUp(ctx context.Context, in Setup) (cloister.Actor, error) {
	if err := cloister.ValidTeamName(in.Team); err != nil {
		return cloister.Actor{}, err
	}
	u, err := p.newUser(ctx, cloister.Actor{}, setUp, in.Email, in.Password)
	if err != nil {
		return cloister.Actor{}, err
	}
	u.Operator = true
	a := cloister.Actor{User: u}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, setUp, object{}); err != nil {
			return err
		}
		a.User.CreatedAt, a.User.UpdatedAt = tx.Now, tx.Now
		if err := tx.InsertUser(a.User); err != nil {
			return err
		}
		_, err := p.addTeam(tx, a, in.Team)
		return err
	})
	return a, err
}

// CreateUser adds a person who can sign in with a password. Operators only.
func (p *Platform) CreateUser(ctx context.Context, a cloister.Actor, email string, password cloister.Secret) (cloister.User, error) {
	u, err := p.newUser(ctx, a, administer, email, password)
	if err != nil {
		return u, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		return addUser(tx, &u)
	})
	return u, err
}

func addUser(tx *store.Tx, u *cloister.User) error {
	u.CreatedAt, u.UpdatedAt = tx.Now, tx.Now
	if err := tx.InsertUser(*u); err != nil {
		return taken(err, "Email", u.Email)
	}
	return tx.Changed("user", u.ID, "create", u.Email, nil, *u)
}

// User finds the actor, or somebody whom they share a team with, by id or e-mail address.
func (p *Platform) User(ctx context.Context, a cloister.Actor, ref string) (u cloister.User, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		u, err = p.mate(tx, a, ref)
		return err
	})
	return u, err
}

// mate finds the actor, or somebody whom they share a team with: nobody learns by it who else has an account.
func (p *Platform) mate(tx *store.Tx, a cloister.Actor, ref string) (cloister.User, error) {
	u, err := tx.User(strings.ToLower(ref))
	if err != nil || u.ID == a.User.ID {
		return u, err
	}
	if mates, err := tx.Mates(a.User.ID, u.ID); err != nil || mates {
		return u, err
	}
	return cloister.User{}, &refused{cloister.Missing("user"), viewAccount, object{user: u.ID}}
}

// SetPassword gives a person another password. Operators only.
func (p *Platform) SetPassword(ctx context.Context, a cloister.Actor, email string, password cloister.Secret) (cloister.User, error) {
	u, err := p.newUser(ctx, a, administer, email, password)
	if err != nil {
		return u, err
	}
	hash := u.PasswordHash
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		if u, err = tx.User(u.Email); err != nil {
			return err
		}
		if err := tx.SetPassword(u.ID, hash); err != nil {
			return err
		}
		was := u
		u.PasswordHash, u.UpdatedAt = hash, tx.Now
		return tx.Changed("user", u.ID, "update", "password of "+u.Email, was, u)
	})
	return u, err
}

// newUser is a user who is not in the store yet. It asks for the permission that making them will take first: a hash
// is made to cost memory and time, and nobody gets one for nothing.
func (p *Platform) newUser(ctx context.Context, a cloister.Actor, v verb, email string, password cloister.Secret) (cloister.User, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	if err := cloister.ValidEmail(email); err != nil {
		return cloister.User{}, err
	}
	if err := validPassword(password); err != nil {
		return cloister.User{}, err
	}
	if err := p.view(ctx, a, func(tx *store.Tx) error { return p.can(tx, a, v, object{}) }); err != nil {
		return cloister.User{}, err
	}
	hash, err := p.hash(ctx, password)
	return cloister.User{ID: cloister.NewID(), Email: email, PasswordHash: hash}, err
}

// SignIn turns an e-mail address, a password and, where the person has turned that on, a two-factor code into an actor. It
// is Unauthorized without the right password, and TwoFactor without the right code. Neither its answer nor its time tells
// whether an address is known. from is the address of the caller, from which people may try only so often (RateLimit).
func (p *Platform) SignIn(ctx context.Context, from, email string, password, code cloister.Secret) (cloister.Actor, error) {
	if err := p.slow(from); err != nil {
		return cloister.Actor{}, err
	}
	done, err := p.hashes(ctx)
	if err != nil {
		return cloister.Actor{}, err
	}
	defer done()
	var u cloister.User
	err = p.store.View(ctx, func(tx *store.Tx) (err error) {
		u, err = tx.User(strings.ToLower(email))
		return err
	})
	if err != nil && cloister.KindOf(err) != cloister.NotFound {
		return cloister.Actor{}, err
	}
	hash := u.PasswordHash
	if hash == "" {
		hash = nobody()
	}
	if ok := passwordMatches(hash, password); !ok || u.ID == "" {
		p.deny(ctx, from, u.ID, "a wrong password for "+cloister.Words(email, 254))
		return cloister.Actor{}, cloister.Errorf(cloister.Unauthorized, "Invalid credentials provided.")
	}
	if err := errors.Join(active(u), p.passwordWill(u)); err != nil {
		return cloister.Actor{}, err
	}
	if err := p.secondFactor(ctx, cloister.Actor{User: u, From: from}, code); err != nil {
		return cloister.Actor{}, err
	}
	return cloister.Actor{User: u, From: from}, nil
}
