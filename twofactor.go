package cloister

import "time"

// A SecondFactor is what a person signs in with beside their password: the codes of an authenticator app (RFC 6238: six
// digits, a new code every 30 seconds), or a recovery code. Each code works once.
type SecondFactor struct {
	UserID   string
	Secret   Secret   // base32, as authenticator apps take it
	On       bool     // the person has shown that their app has the secret
	Used     int64    // the last period of 30 seconds whose code was used
	Recovery []string // SHA-256 of the recovery codes that are left, hexadecimal
	Failures int      // wrong codes in a row
	FailedAt time.Time
}

// How wrong codes are slowed down: after the fifth, each wait is twice the one before, up to a quarter of an hour.
const (
	freeFailures = 5
	firstWait    = 2 * time.Second
	longestWait  = 15 * time.Minute
)

// Opens is when the next code may be tried.
func (f SecondFactor) Opens() time.Time {
	if f.Failures < freeFailures {
		return time.Time{}
	}
	wait := firstWait
	for range f.Failures - freeFailures {
		if wait *= 2; wait >= longestWait {
			wait = longestWait
			break
		}
	}
	return f.FailedAt.Add(wait)
}
