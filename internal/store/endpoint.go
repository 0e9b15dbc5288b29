package store

import "github.com/cloister-dev/cloister"

const endpointColumns = `id, app_id, name, label, chain, served, secret, acm, created_at, updated_at`

func scanEndpoint(tx *Tx, r row) (e cloister.Endpoint, err error) {
	var secret map[string]cloister.Secret
	err = r.Scan(&e.ID, &e.AppID, &e.Name, &e.Label, &e.Chain, &e.Served, unsealed{tx, &secret}, &e.ACM, when{&e.CreatedAt}, when{&e.UpdatedAt})
	e.Key = secret["key"]
	return e, err
}

// Endpoints lists the SNI endpoints of an app, the oldest first.
func (tx *Tx) Endpoints(appID string) ([]cloister.Endpoint, error) {
	return many(tx, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoints WHERE app_id = $1 ORDER BY created_at, id`, appID)
}

// AllEndpoints lists the SNI endpoints of all apps, app by app.
func (tx *Tx) AllEndpoints() ([]cloister.Endpoint, error) {
	return many(tx, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoints ORDER BY app_id, created_at, id`)
}

// InsertEndpoint adds an SNI endpoint; a second one with the same name is a Conflict.
func (tx *Tx) InsertEndpoint(e cloister.Endpoint) error {
	if err := made(tx, e.AppID, cloister.EntityEndpoint, e.ID, e); err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO endpoints (`+endpointColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		e.ID, e.AppID, e.Name, e.Label, e.Chain, e.Served, tx.sealed(map[string]cloister.Secret{"key": e.Key}), e.ACM, at(e.CreatedAt), at(e.UpdatedAt))
}

// UpdateEndpoint writes another certificate, or another label.
func (tx *Tx) UpdateEndpoint(was, e cloister.Endpoint) error {
	e.UpdatedAt = tx.Now
	if err := put(tx, e.AppID, cloister.EntityEndpoint, e.ID, is(was), e); err != nil {
		return err
	}
	return tx.must("sni_endpoint", `UPDATE endpoints SET label = $1, chain = $2, served = $3, secret = $4, updated_at = $5 WHERE id = $6`,
		e.Label, e.Chain, e.Served, tx.sealed(map[string]cloister.Secret{"key": e.Key}), at(tx.Now), e.ID)
}

// DeleteEndpoint takes an SNI endpoint from its app. Domains that were served with it have none then.
func (tx *Tx) DeleteEndpoint(e cloister.Endpoint) error {
	if err := gone(tx, e.AppID, cloister.EntityEndpoint, e.ID, is(e)); err != nil {
		return err
	}
	return tx.must("sni_endpoint", `DELETE FROM endpoints WHERE id = $1`, e.ID)
}
