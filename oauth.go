package cloister

import (
	"net/netip"
	"strings"
	"time"
)

// An OAuthClient is a program of somebody's that asks people to let it act for them. Platform writes all of it.
type OAuthClient struct {
	ID          string
	UserID      string // of whom it belongs to
	Name        string
	RedirectURI string // where people come back to when they have decided
	Secret      Secret // by which it proves to be itself
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// A Grant is that somebody has let a program act for them, which has not fetched its token yet. It is good once.
type Grant struct {
	Hash      string // SHA-256 of the code that the program shows, hexadecimal
	ClientID  string
	UserID    string
	Scope     []Scope
	ExpiresAt time.Time
}

const (
	GrantLife  = 5 * time.Minute
	AccessLife = 8 * time.Hour // of a program's access token, until it is refreshed: Heroku's number
)

// ValidClientName reports why s may not name a client, or nil: people read it when they decide.
func ValidClientName(s string) error {
	if s == "" || s != Words(s, 100) || strings.TrimSpace(s) != s {
		return Errorf(Invalid, "Name must be 1 to 100 printable characters, without a space at either end.")
	}
	return nil
}

// ValidRedirectURI reports why s may not be where people come back to, or nil. Without TLS it must be their own machine.
func ValidRedirectURI(s string) error {
	u, why := parseReceiver(s, "https", "http")
	if why == "" && u.User != nil {
		why = "has a password in it"
	}
	if why == "" && u.Scheme == "http" && !Loopback(u.Hostname()) {
		why = "has no TLS, and is not the machine that people are at"
	}
	if why != "" {
		return Errorf(Invalid, "Redirect uri %s. Use https://HOST/PATH, or http://localhost:PORT/PATH.", why)
	}
	return nil
}

// Loopback reports whether a host, a name or an address, is the machine that asks.
func Loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
