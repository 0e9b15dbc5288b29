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

// SpaceDrain finds the drain of a space.
func (tx *Tx) SpaceDrain(spaceID string) (cloister.Drain, error) {
	return one(tx, "log drain", func(tx *Tx, r row) (d cloister.Drain, err error) {
		sealed := map[string]cloister.Secret{}
		err = r.Scan(&d.ID, &d.SpaceID, unsealed{tx, &sealed}, &d.Token, when{&d.CreatedAt})
		d.URL, d.UpdatedAt = sealed["url"], d.CreatedAt
		return d, err
	}, `SELECT id, space_id, url, token, created_at FROM space_drains WHERE space_id = $1`, spaceID)
}

// PutSpaceDrain gives a space its drain, instead of any that it has.
func (tx *Tx) PutSpaceDrain(d cloister.Drain) error {
	return tx.exec(`
		INSERT INTO space_drains (space_id, id, url, token, created_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (space_id) DO UPDATE SET id = $2, url = $3, token = $4, created_at = $5`,
		d.SpaceID, d.ID, tx.sealed(map[string]cloister.Secret{"url": d.URL}), d.Token, at(d.CreatedAt))
}
