package cloister

import (
	"net/mail"
	"strings"
	"time"
)

// A User is a person who can sign in.
type User struct {
	ID           string
	Email        string // lower case; the name by which the clients know a person
	Name         string
	PasswordHash string    // argon2id in its PHC string form
	TwoFactor    bool      // signs in with a SecondFactor too
	Federated    bool      // signs in by the operator's identity provider
	SuspendedAt  time.Time // zero: they may come in
	Operator     bool      // may administer this installation: make teams, users, pools
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// ValidEmail reports why s is no usable e-mail address, or nil.
func ValidEmail(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsAny(s, " \t\r\n") || len(s) > 254 {
		return Errorf(Invalid, "Email %q is not an e-mail address.", s)
	}
	return nil
}

// An Authorization is an API token: who it stands for, what it may do, how long. The token itself is known only
// at the moment it is made; what is kept is its hash and its last four characters.
type Authorization struct {
	ID          string
	UserID      string
	Description string
	Scope       []Scope   // never empty
	Hash        string    // SHA-256 of the token, hexadecimal
	Hint        string    // the token's last four characters, for lists
	RefreshHash string    // SHA-256 of the token by which Client gets another one; "": there is none
	Client      ClientRef // that acts by it; zero: none, it is the user's own
	ExpiresAt   time.Time // zero: never
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// A ClientRef is a client as others see it.
type ClientRef struct{ ID, Name, RedirectURI string }

// Expired reports whether the authorization is over at now.
func (a Authorization) Expired(now time.Time) bool {
	return !a.ExpiresAt.IsZero() && !now.Before(a.ExpiresAt)
}

// An Actor is the person on whose behalf something is done, and the token they used.
type Actor struct {
	User          User
	Authorization string  // id; "" when the actor signed in with a password
	Scope         []Scope // of the authorization; who signed in with a password may do all that they may
	From          string  // the address they ask from; "": the server itself
	Request       string  // id of the request; "": none
}

// Is reports whether the actor is the person with this id or e-mail address.
func (a Actor) Is(ref string) bool {
	return a.User.ID != "" && (a.User.ID == ref || strings.EqualFold(a.User.Email, ref))
}
