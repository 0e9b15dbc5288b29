package store

import "github.com/cloister-dev/cloister"

const keySelect = `
	SELECT k.id, k.user_id, u.email, k.public_key, k.comment, k.fingerprint, k.created_at
	FROM keys k JOIN users u ON u.id = k.user_id `

func scanKey(_ *Tx, r row) (k cloister.Key, err error) {
	err = r.Scan(&k.ID, &k.UserID, &k.Email, &k.Public, &k.Comment, &k.Fingerprint, when{&k.CreatedAt})
	return k, err
}

// Keys lists the keys of a user, the oldest first.
func (tx *Tx) Keys(userID string) ([]cloister.Key, error) {
	return many(tx, scanKey, keySelect+`WHERE k.user_id = $1 ORDER BY k.created_at, k.id`, userID)
}

// KeyOf finds whose key it is, "ssh-ed25519 AAAA…".
func (tx *Tx) KeyOf(public string) (cloister.Key, error) {
	return one(tx, "key", scanKey, keySelect+`WHERE k.public_key = $1`, public)
}

// InsertKey adds a key; one that is somebody's already is a Conflict.
func (tx *Tx) InsertKey(k cloister.Key) error {
	return tx.exec(`
		INSERT INTO keys (id, user_id, public_key, comment, fingerprint, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		k.ID, k.UserID, k.Public, k.Comment, k.Fingerprint, at(k.CreatedAt))
}

// DeleteKey removes a key.
func (tx *Tx) DeleteKey(id string) error {
	return tx.must("key", `DELETE FROM keys WHERE id = $1`, id)
}
