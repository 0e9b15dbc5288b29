package cloister

import "time"

// An AddonToken is something by which the provider of an add-on says that it is that.
type AddonToken struct {
	Hash      string // of what the provider has
	AddonID   string
	Kind      AddonTokenKind
	ExpiresAt time.Time
}

// An AddonTokenKind says what a token is good for.
type AddonTokenKind string

const (
	AddonGrant   AddonTokenKind = "grant"   // to get the two others for, once
	AddonAccess  AddonTokenKind = "access"  // to call the API with
	AddonRefresh AddonTokenKind = "refresh" // to get another access token for
)

// RefreshLife is how long a provider may leave a refresh token alone: add-ons live long, and nobody looks.
const RefreshLife = 10 * 365 * 24 * time.Hour
