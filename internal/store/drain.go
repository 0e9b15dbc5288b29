package store

import "github.com/cloister-dev/cloister"

const drainColumns = `id, app_id, url, token, created_at, updated_at`

func scanDrain(tx *Tx, r row) (d cloister.Drain, err error) {
	sealed := map[string]cloister.Secret{}
	err = r.Scan(&d.ID, &d.AppID, unsealed{tx, &sealed}, &d.Token, when{&d.CreatedAt}, when{&d.UpdatedAt})
	d.URL = sealed["url"]
	return d, err
}

// Drains lists the drains of an app, the oldest first.
func (tx *Tx) Drains(appID string) ([]cloister.Drain, error) {
	return many(tx, scanDrain, `SELECT `+drainColumns+` FROM drains WHERE app_id = $1 ORDER BY created_at, id`, appID)
}

// InsertDrain adds a drain to an app.
func (tx *Tx) InsertDrain(d cloister.Drain) error {
	return tx.exec(`INSERT INTO drains (`+drainColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		d.ID, d.AppID, tx.sealed(map[string]cloister.Secret{"url": d.URL}), d.Token, at(d.CreatedAt), at(d.UpdatedAt))
}

// DeleteDrain forgets a drain.
func (tx *Tx) DeleteDrain(id string) error {
	return tx.must("log drain", `DELETE FROM drains WHERE id = $1`, id)
}
