package store

import "github.com/cloister-dev/cloister"

func scanAddonToken(_ *Tx, r row) (t cloister.AddonToken, err error) {
	err = r.Scan(&t.Hash, &t.AddonID, &t.Kind, when{&t.ExpiresAt})
	return t, err
}

// AddonToken finds a token of some kind that is good now.
func (tx *Tx) AddonToken(kind cloister.AddonTokenKind, hash string) (cloister.AddonToken, error) {
	return one(tx, "token", scanAddonToken, `SELECT hash, addon_id, kind, expires_at FROM addon_tokens WHERE hash = $1 AND kind = $2 AND expires_at > $3`,
		hash, string(kind), at(tx.Now))
}

// InsertAddonToken adds a token, and forgets those of its add-on that are over.
func (tx *Tx) InsertAddonToken(t cloister.AddonToken) error {
	if err := tx.exec(`DELETE FROM addon_tokens WHERE addon_id = $1 AND expires_at <= $2`, t.AddonID, at(tx.Now)); err != nil {
		return err
	}
	return tx.exec(`INSERT INTO addon_tokens (hash, addon_id, kind, expires_at) VALUES ($1, $2, $3, $4)`, t.Hash, t.AddonID, string(t.Kind), at(t.ExpiresAt))
}

// DeleteAddonToken ends a token.
func (tx *Tx) DeleteAddonToken(t cloister.AddonToken) error {
	return tx.must("token", `DELETE FROM addon_tokens WHERE hash = $1`, t.Hash)
}
