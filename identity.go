package cloister

import "time"

// An Identity is who somebody is at the operator's own identity provider, by which they sign in here. Platform writes all of
// it; nothing of it changes.
type Identity struct {
	Issuer    string // the provider's address
	Subject   string // the provider's name of the person, which stays when their address changes
	UserID    string
	Email     string // lower case; as the provider told it when they were linked
	CreatedAt time.Time
}
