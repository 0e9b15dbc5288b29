package platform

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

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
		u.CreatedAt, u.UpdatedAt = tx.Now, tx.Now
		if err := tx.InsertUser(u); err != nil {
			return taken(err, "Email", u.Email)
		}
		return tx.Event("user", u.ID, "create", u.Email)
	})
	return u, err
}

// User finds the actor, or somebody whom they share a team with, by id or e-mail address.
func (p *Platform) User(ctx context.Context, a cloister.Actor, ref string) (u cloister.User, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
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
	return cloister.User{}, cloister.Missing("user")
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
		return tx.Event("user", u.ID, "update", "password of "+u.Email)
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
	if len(password) < 8 {
		return cloister.User{}, cloister.Errorf(cloister.Invalid, "Password must have at least 8 characters.")
	}
	if err := p.store.View(ctx, func(tx *store.Tx) error { return p.can(tx, a, v, object{}) }); err != nil {
		return cloister.User{}, err
	}
	return cloister.User{ID: cloister.NewID(), Email: email, PasswordHash: hashPassword(password)}, nil
}

// SignIn turns an e-mail address, a password and, where the person has turned that on, a two-factor code into an actor. It
// is Unauthorized without the right password, and TwoFactor without the right code. Neither its answer nor its time tells
// whether an address is known. from is the address of the caller, from which people may try only so often (RateLimit).
func (p *Platform) SignIn(ctx context.Context, from, email string, password, code cloister.Secret) (cloister.Actor, error) {
	if _, ok := p.guesses.Take(from, time.Now()); !ok {
		return cloister.Actor{}, cloister.Errorf(cloister.RateLimit, "Too many attempts to sign in. Please wait a minute and try again.")
	}
	select { // a hash takes 64 MiB: only so many at once
	case p.hashing <- struct{}{}:
		defer func() { <-p.hashing }()
	case <-ctx.Done():
		return cloister.Actor{}, context.Cause(ctx)
	}
	var u cloister.User
	err := p.store.View(ctx, func(tx *store.Tx) (err error) {
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
		return cloister.Actor{}, cloister.Errorf(cloister.Unauthorized, "Invalid credentials provided.")
	}
	if err := active(u); err != nil {
		return cloister.Actor{}, err
	}
	if err := p.secondFactor(ctx, u, code); err != nil {
		return cloister.Actor{}, err
	}
	return cloister.Actor{User: u}, nil
}

// Authenticate turns an API token into an actor, or is Unauthorized.
func (p *Platform) Authenticate(ctx context.Context, token cloister.Secret) (cloister.Actor, error) {
	var actor cloister.Actor
	err := p.store.View(ctx, func(tx *store.Tx) error {
		auth, err := tx.AuthorizationByHash(hashToken(token))
		if err != nil {
			return err
		}
		if auth.Expired(tx.Now) {
			return cloister.Missing("authorization")
		}
		u, err := tx.User(auth.UserID)
		if err != nil {
			return err
		}
		actor = cloister.Actor{User: u, Authorization: auth.ID, Scope: auth.Scope}
		return active(u)
	})
	if cloister.KindOf(err) == cloister.NotFound {
		return cloister.Actor{}, cloister.Errorf(cloister.Unauthorized, "Invalid credentials provided.")
	}
	return actor, err
}

// Authorizations lists the actor's API tokens.
func (p *Platform) Authorizations(ctx context.Context, a cloister.Actor) (out []cloister.Authorization, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		out, err = tx.Authorizations(a.User.ID)
		out = listed(tx, out)
		return err
	})
	return out, err
}

// Authorization finds one of the actor's API tokens by id; "~" is the one in use.
func (p *Platform) Authorization(ctx context.Context, a cloister.Actor, id string) (out cloister.Authorization, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		out, err = p.authorization(tx, a, id)
		return err
	})
	return out, err
}

func (p *Platform) authorization(tx *store.Tx, a cloister.Actor, id string) (cloister.Authorization, error) {
	if id == "~" {
		id = a.Authorization
	}
	x, err := tx.Authorization(id)
	if err != nil {
		return x, err
	}
	return x, p.can(tx, a, useAccount, object{resource: "authorization", user: x.UserID})
}

// CreateAuthorization makes an API token for the actor, and returns it: it can not be read again. A zero lifetime
// never ends.
func (p *Platform) CreateAuthorization(ctx context.Context, a cloister.Actor, description string, scopes []string, lifetime time.Duration) (cloister.Authorization, cloister.Secret, error) {
	scope, err := cloister.ParseScopes(scopes)
	if err != nil {
		return cloister.Authorization{}, "", err
	}
	if description == "" {
		description = "Long-lived user authorization"
	}
	token := cloister.NewToken()
	x := cloister.Authorization{ID: cloister.NewID(), UserID: a.User.ID, Description: description, Scope: scope,
		Hash: hashToken(token), Hint: hint(token)}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		x.CreatedAt, x.UpdatedAt = tx.Now, tx.Now
		if lifetime > 0 {
			x.ExpiresAt = tx.Now.Add(lifetime)
		}
		if err := tx.InsertAuthorization(x); err != nil {
			return err
		}
		return tx.Changed("authorization", x.ID, "create", description, nil, x)
	})
	return x, token, err
}

// DescribeAuthorization changes the description of an API token.
func (p *Platform) DescribeAuthorization(ctx context.Context, a cloister.Actor, id, description string) (x cloister.Authorization, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, err = p.authorization(tx, a, id); err != nil {
			return err
		}
		x.Description = description
		return tx.UpdateAuthorization(x)
	})
	return x, err
}

// RotateAuthorization replaces the token of an authorization; the old one stops working at once.
func (p *Platform) RotateAuthorization(ctx context.Context, a cloister.Actor, id string) (x cloister.Authorization, token cloister.Secret, err error) {
	token = cloister.NewToken()
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, err = p.authorization(tx, a, id); err != nil {
			return err
		}
		x.Hash, x.Hint = hashToken(token), hint(token)
		if err := tx.UpdateAuthorization(x); err != nil {
			return err
		}
		return tx.Event("authorization", x.ID, "update", x.Description)
	})
	return x, token, err
}

// RevokeAuthorization deletes an API token and returns what it was.
func (p *Platform) RevokeAuthorization(ctx context.Context, a cloister.Actor, id string) (x cloister.Authorization, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if x, err = p.authorization(tx, a, id); err != nil {
			return err
		}
		if err := tx.DeleteAuthorization(x.ID); err != nil {
			return err
		}
		return tx.Event("authorization", x.ID, "destroy", x.Description)
	})
	return x, err
}

func hashToken(t cloister.Secret) string {
	h := sha256.Sum256([]byte(t.Reveal()))
	return hex.EncodeToString(h[:])
}

func hint(t cloister.Secret) string { return t.Reveal()[len(t)-4:] }

// Argon2id with the second recommended option of RFC 9106: one pass would want 2 GiB, three want 64 MiB.
const (
	argonTime, argonMemory, argonThreads, argonKey = 3, 64 << 10, 2, 32
)

func hashPassword(password cloister.Secret) string {
	salt := make([]byte, 16)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password.Reveal()), salt, argonTime, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonMemory, argonTime, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

func passwordMatches(hash string, password cloister.Secret) bool {
	var memory, time uint32
	var threads uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &threads); err != nil {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil {
		return false
	}
	got := argon2.IDKey([]byte(password.Reveal()), salt, time, memory, threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1
}

// nobody is the hash that an unknown address is checked against, so that it takes as long as a known one.
func nobody() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(make([]byte, 16)), base64.RawStdEncoding.EncodeToString(make([]byte, argonKey)))
}
