package cloister

import (
	"regexp"
	"time"
)

// A CredentialState is in the words of Heroku's data API.
type CredentialState string

const (
	CredentialWaiting  CredentialState = "wait_for_provisioning"
	CredentialActive   CredentialState = "active"
	CredentialRotating CredentialState = "rotating"
	CredentialRevoking CredentialState = "revoking"
)

// A Credential is a user of a database. "default" owns what is in it, is there from the start, and never goes.
type Credential struct {
	AddonID   string
	Name      string
	User      string // in the database
	Password  Secret
	Old       Secret // the password before, while it is rotated and still good; "" otherwise
	State     CredentialState
	CreatedAt time.Time
	UpdatedAt time.Time
}

// DefaultCredential is the name of the credential that every database has.
const DefaultCredential = "default"

// Namespace is what an attachment of this credential is of.
func (c Credential) Namespace() string {
	if c.Name == DefaultCredential {
		return ""
	}
	return "credential:" + c.Name
}

var credentialName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,49}$`)

// ValidCredentialName reports why s may not name a credential, or nil.
func ValidCredentialName(s string) error {
	if !credentialName.MatchString(s) {
		return Errorf(Invalid, "%q cannot name a credential. A name begins with a letter, has letters, digits, dashes and underscores, and at most 50 of them.", s)
	}
	return nil
}
