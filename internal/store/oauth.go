package store

import "github.com/cloister-dev/cloister"

const clientColumns = `id, user_id, name, redirect_uri, secret, created_at, updated_at`

func scanClient(tx *Tx, r row) (c cloister.OAuthClient, err error) {
	var sealed map[string]cloister.Secret
	err = r.Scan(&c.ID, &c.UserID, &c.Name, &c.RedirectURI, unsealed{tx, &sealed}, when{&c.CreatedAt}, when{&c.UpdatedAt})
	c.Secret = sealed["secret"]
	return c, err
}

// OAuthClient finds a client by id.
func (tx *Tx) OAuthClient(id string) (cloister.OAuthClient, error) {
	return one(tx, "client", scanClient, `SELECT `+clientColumns+` FROM oauth_clients WHERE id = $1`, id)
}

// OAuthClientBySecret finds a client by the hash of its secret.
func (tx *Tx) OAuthClientBySecret(hash string) (cloister.OAuthClient, error) {
	return one(tx, "client", scanClient, `SELECT `+clientColumns+` FROM oauth_clients WHERE secret_hash = $1`, hash)
}

// OAuthClients lists the clients of a user, the oldest first.
func (tx *Tx) OAuthClients(userID string) ([]cloister.OAuthClient, error) {
	return many(tx, scanClient, `SELECT `+clientColumns+` FROM oauth_clients WHERE user_id = $1 ORDER BY created_at, id`, userID)
}

// InsertOAuthClient adds a client, with the hash of its secret.
func (tx *Tx) InsertOAuthClient(c cloister.OAuthClient, hash string) error {
	return tx.exec(`
		INSERT INTO oauth_clients (`+clientColumns+`, secret_hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		c.ID, c.UserID, c.Name, c.RedirectURI, tx.sealed(map[string]cloister.Secret{"secret": c.Secret}), at(c.CreatedAt), at(c.UpdatedAt), hash)
}

// UpdateOAuthClient writes everything about a client that can change, with the hash of its secret.
func (tx *Tx) UpdateOAuthClient(c cloister.OAuthClient, hash string) error {
	return tx.must("client", `
		UPDATE oauth_clients
		SET name = $1, redirect_uri = $2, secret = $3, secret_hash = $4, updated_at = $5
		WHERE id = $6`,
		c.Name, c.RedirectURI, tx.sealed(map[string]cloister.Secret{"secret": c.Secret}), hash, at(tx.Now), c.ID)
}

// DeleteOAuthClient removes a client, and all that it was let do.
func (tx *Tx) DeleteOAuthClient(id string) error {
	return tx.must("client", `DELETE FROM oauth_clients WHERE id = $1`, id)
}

// InsertGrant records a grant, and forgets those that are over.
func (tx *Tx) InsertGrant(g cloister.Grant) error {
	if err := tx.exec(`DELETE FROM grants WHERE expires_at < $1`, at(tx.Now)); err != nil {
		return err
	}
	return tx.exec(`INSERT INTO grants (hash, client_id, user_id, scope, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		g.Hash, g.ClientID, g.UserID, doc(g.Scope), at(g.ExpiresAt))
}

// TakeGrant takes a grant of a client away, by the hash of its code: it is good once.
func (tx *Tx) TakeGrant(clientID, hash string) (cloister.Grant, error) {
	return one(tx, "grant", func(_ *Tx, r row) (g cloister.Grant, err error) {
		err = r.Scan(&g.Hash, &g.ClientID, &g.UserID, document{&g.Scope}, when{&g.ExpiresAt})
		return g, err
	}, `DELETE FROM grants WHERE client_id = $1 AND hash = $2 RETURNING hash, client_id, user_id, scope, expires_at`, clientID, hash)
}
