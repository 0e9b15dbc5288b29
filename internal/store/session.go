package store

import "github.com/cloister-dev/cloister"

const sessionColumns = `id, user_id, description, origin, hash, expires_at, created_at`

func scanSession(_ *Tx, r row) (s cloister.Session, err error) {
	err = r.Scan(&s.ID, &s.UserID, &s.Description, &s.From, &s.Hash, when{&s.ExpiresAt}, when{&s.CreatedAt})
	return s, err
}

// SessionByHash finds a session by the hash of its secret.
func (tx *Tx) SessionByHash(hash string) (cloister.Session, error) {
	return one(tx, "session", scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE hash = $1`, hash)
}

// Sessions lists the sessions of a user, the oldest first.
func (tx *Tx) Sessions(userID string) ([]cloister.Session, error) {
	return many(tx, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE user_id = $1 ORDER BY created_at, id`, userID)
}

// InsertSession adds a session, and forgets those that are over.
func (tx *Tx) InsertSession(s cloister.Session) error {
	if err := tx.exec(`DELETE FROM sessions WHERE expires_at < $1`, at(tx.Now)); err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO sessions (`+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		s.ID, s.UserID, s.Description, s.From, s.Hash, at(s.ExpiresAt), at(s.CreatedAt))
}

// DeleteSession ends a session.
func (tx *Tx) DeleteSession(id string) error {
	return tx.must("session", `DELETE FROM sessions WHERE id = $1`, id)
}
