package store

import "github.com/cloister-dev/cloister"

const credentialColumns = `addon_id, name, user_name, secret, state, created_at, updated_at`

func scanCredential(tx *Tx, r row) (c cloister.Credential, err error) {
	sealed := map[string]cloister.Secret{}
	err = r.Scan(&c.AddonID, &c.Name, &c.User, unsealed{tx, &sealed}, &c.State, when{&c.CreatedAt}, when{&c.UpdatedAt})
	c.Password, c.Old = sealed["password"], sealed["old"]
	return c, err
}

// Credentials lists the credentials of a database: the default one first, then by name.
func (tx *Tx) Credentials(addonID string) ([]cloister.Credential, error) {
	return many(tx, scanCredential, `
		SELECT `+credentialColumns+`
		FROM credentials
		WHERE addon_id = $1
		ORDER BY CASE WHEN name = 'default' THEN 0 ELSE 1 END, name`, addonID)
}

// InsertCredential adds a credential to a database; a name in use there is a Conflict.
func (tx *Tx) InsertCredential(c cloister.Credential) error {
	return tx.exec(`INSERT INTO credentials (`+credentialColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		c.AddonID, c.Name, c.User, tx.sealed(map[string]cloister.Secret{"password": c.Password, "old": c.Old}), string(c.State),
		at(c.CreatedAt), at(c.UpdatedAt))
}

// UpdateCredential writes the passwords and the state of a credential.
func (tx *Tx) UpdateCredential(c cloister.Credential) error {
	return tx.must("credential", `UPDATE credentials SET secret = $1, state = $2, updated_at = $3 WHERE addon_id = $4 AND name = $5`,
		tx.sealed(map[string]cloister.Secret{"password": c.Password, "old": c.Old}), string(c.State), at(tx.Now), c.AddonID, c.Name)
}

// DeleteCredential removes a credential that has been revoked.
func (tx *Tx) DeleteCredential(c cloister.Credential) error {
	return tx.must("credential", `DELETE FROM credentials WHERE addon_id = $1 AND name = $2`, c.AddonID, c.Name)
}
