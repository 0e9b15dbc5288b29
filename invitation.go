package cloister

import "time"

// An Invitation asks somebody, who may have no account yet, to join a team. Whoever has its token and the address that it is
// for may accept it, once. Platform writes all of it; nothing of it changes.
type Invitation struct {
	ID          string
	TeamID      string
	TeamName    string
	Email       string // whom it is for
	Role        Role   // that they are to have
	Hash        string // SHA-256 of the token, hexadecimal
	InviterID   string // user
	InviterName string // e-mail
	ExpiresAt   time.Time
	CreatedAt   time.Time
}

// InvitationLife is how long an invitation can be accepted.
const InvitationLife = 7 * 24 * time.Hour

// Expired reports whether the invitation is over at now.
func (i Invitation) Expired(now time.Time) bool { return !now.Before(i.ExpiresAt) }
