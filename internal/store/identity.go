package store

import "github.com/cloister-dev/cloister"

const identityColumns = `issuer, subject, user_id, email, created_at`

func scanIdentity(_ *Tx, r row) (i cloister.Identity, err error) {
	err = r.Scan(&i.Issuer, &i.Subject, &i.UserID, &i.Email, when{&i.CreatedAt})
	return i, err
}

// Identity finds who somebody is by what an identity provider calls them.
func (tx *Tx) Identity(issuer, subject string) (cloister.Identity, error) {
	return one(tx, "identity", scanIdentity, `SELECT `+identityColumns+` FROM identities WHERE issuer = $1 AND subject = $2`, issuer, subject)
}

// InsertIdentity links a user with who they are elsewhere; another one of the same provider is a Conflict.
func (tx *Tx) InsertIdentity(i cloister.Identity) error {
	return tx.exec(`INSERT INTO identities (`+identityColumns+`) VALUES ($1, $2, $3, $4, $5)`, i.Issuer, i.Subject, i.UserID, i.Email, at(i.CreatedAt))
}
