package store

import (
	"time"

	"github.com/cloister-dev/cloister"
)

const (
	userColumns = `id, email, name, password_hash, operator, created_at, updated_at`
	userView    = userColumns + `, suspended_at, EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = users.id AND f.is_on), EXISTS (SELECT 1 FROM identities i WHERE i.user_id = users.id)`
)

func scanUser(_ *Tx, r row) (u cloister.User, err error) {
	err = r.Scan(&u.ID, &u.Email, &u.Name, &u.PasswordHash, &u.Operator, when{&u.CreatedAt}, when{&u.UpdatedAt}, when{&u.SuspendedAt}, &u.TwoFactor, &u.Federated)
	return u, err
}

// User finds a user by id or e-mail address.
func (tx *Tx) User(ref string) (cloister.User, error) {
	return one(tx, "user", scanUser, `SELECT `+userView+` FROM users WHERE id = $1 OR email = $1`, ref)
}

// Users lists all users by e-mail address.
func (tx *Tx) Users() ([]cloister.User, error) {
	return many(tx, scanUser, `SELECT `+userView+` FROM users ORDER BY email`)
}

// InsertUser adds a user; a second one with the same address is a Conflict.
func (tx *Tx) InsertUser(u cloister.User) error {
	return tx.exec(`
		INSERT INTO users (`+userColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		u.ID, u.Email, u.Name, u.PasswordHash, u.Operator, at(u.CreatedAt), at(u.UpdatedAt))
}

// SuspendUser keeps a user out since a time; the zero time lets them in again.
func (tx *Tx) SuspendUser(userID string, since time.Time) error {
	return tx.must("user", `UPDATE users SET suspended_at = $1, updated_at = $2 WHERE id = $3`, at(since), at(tx.Now), userID)
}

// SetOperator lets a user administer the installation, or no longer.
func (tx *Tx) SetOperator(userID string, on bool) error {
	return tx.must("user", `UPDATE users SET operator = $1, updated_at = $2 WHERE id = $3`, on, at(tx.Now), userID)
}

// SetPassword replaces a user's password hash.
func (tx *Tx) SetPassword(userID, hash string) error {
	return tx.must("user", `UPDATE users SET password_hash = $1, updated_at = $2 WHERE id = $3`, hash, at(tx.Now), userID)
}

const authorizationSelect = `
	SELECT a.id, a.user_id, a.description, a.scope, a.hash, a.hint, a.refresh_hash, a.expires_at, a.created_at, a.updated_at,
		COALESCE(c.id, ''), COALESCE(c.name, ''), COALESCE(c.redirect_uri, '')
	FROM authorizations a LEFT JOIN oauth_clients c ON c.id = a.client_id `

func scanAuthorization(_ *Tx, r row) (a cloister.Authorization, err error) {
	err = r.Scan(&a.ID, &a.UserID, &a.Description, document{&a.Scope}, &a.Hash, &a.Hint, &a.RefreshHash,
		when{&a.ExpiresAt}, when{&a.CreatedAt}, when{&a.UpdatedAt}, &a.Client.ID, &a.Client.Name, &a.Client.RedirectURI)
	return a, err
}

// Authorization finds an authorization by id.
func (tx *Tx) Authorization(id string) (cloister.Authorization, error) {
	return one(tx, "authorization", scanAuthorization, authorizationSelect+`WHERE a.id = $1`, id)
}

// AuthorizationByHash finds an authorization by the hash of its token.
func (tx *Tx) AuthorizationByHash(hash string) (cloister.Authorization, error) {
	return one(tx, "authorization", scanAuthorization, authorizationSelect+`WHERE a.hash = $1`, hash)
}

// AuthorizationByRefresh finds an authorization of a client by the hash of its refresh token.
func (tx *Tx) AuthorizationByRefresh(clientID, hash string) (cloister.Authorization, error) {
	return one(tx, "authorization", scanAuthorization, authorizationSelect+`WHERE a.client_id = $1 AND a.refresh_hash = $2`, clientID, hash)
}

// Authorizations lists a user's authorizations, oldest first.
func (tx *Tx) Authorizations(userID string) ([]cloister.Authorization, error) {
	return many(tx, scanAuthorization, authorizationSelect+`WHERE a.user_id = $1 ORDER BY a.created_at, a.id`, userID)
}

// InsertAuthorization adds an authorization.
func (tx *Tx) InsertAuthorization(a cloister.Authorization) error {
	return tx.exec(`
		INSERT INTO authorizations (id, user_id, description, scope, hash, hint, refresh_hash, client_id, expires_at, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		a.ID, a.UserID, a.Description, doc(a.Scope), a.Hash, a.Hint, a.RefreshHash, orNull(a.Client.ID), at(a.ExpiresAt), at(a.CreatedAt), at(a.UpdatedAt))
}

// UpdateAuthorization writes an authorization's description and token.
func (tx *Tx) UpdateAuthorization(a cloister.Authorization) error {
	return tx.must("authorization", `
		UPDATE authorizations
		SET description = $1, hash = $2, hint = $3, refresh_hash = $4, expires_at = $5, updated_at = $6
		WHERE id = $7`,
		a.Description, a.Hash, a.Hint, a.RefreshHash, at(a.ExpiresAt), at(tx.Now), a.ID)
}

// DeleteAuthorization revokes an authorization.
func (tx *Tx) DeleteAuthorization(id string) error {
	return tx.must("authorization", `DELETE FROM authorizations WHERE id = $1`, id)
}
