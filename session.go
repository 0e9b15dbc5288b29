package cloister

import "time"

// A Session is a browser in which somebody has signed in. Platform writes all of it; nothing of it changes.
type Session struct {
	ID          string
	UserID      string
	Description string // the browser, in its own words
	From        string // the address that it came from
	Hash        string // SHA-256 of the secret in its cookie, hexadecimal
	ExpiresAt   time.Time
	CreatedAt   time.Time
}

// SessionLife is how long a browser stays signed in.
const SessionLife = 24 * time.Hour

// Expired reports whether the session is over at now.
func (s Session) Expired(now time.Time) bool { return !now.Before(s.ExpiresAt) }
