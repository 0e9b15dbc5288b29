package store

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/cloister-dev/cloister"
)

const endpointColumns = `id, app_id, name, label, chain, served, secret, acm, created_at, updated_at, staple, staple_until, staple_next, revoked`

func scanEndpoint(tx *Tx, r row) (e cloister.Endpoint, err error) {
	var secret map[string]cloister.Secret
	err = r.Scan(&e.ID, &e.AppID, &e.Name, &e.Label, &e.Chain, &e.Served, unsealed{tx, &secret}, &e.ACM, when{&e.CreatedAt}, when{&e.UpdatedAt},
		encoded{&e.Staple.Text}, when{&e.Staple.Until}, when{&e.StapleNext}, &e.Staple.Revoked)
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
		INSERT INTO endpoints (id, app_id, name, label, chain, served, secret, acm, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		e.ID, e.AppID, e.Name, e.Label, e.Chain, e.Served, tx.sealed(map[string]cloister.Secret{"key": e.Key}), e.ACM, at(e.CreatedAt), at(e.UpdatedAt))
}

// UpdateEndpoint writes another certificate, or another label. Of another certificate its authority has not said anything yet.
func (tx *Tx) UpdateEndpoint(was, e cloister.Endpoint) error {
	e.UpdatedAt = tx.Now
	if err := put(tx, e.AppID, cloister.EntityEndpoint, e.ID, is(was), e); err != nil {
		return err
	}
	if e.Served != was.Served {
		e.Staple, e.StapleNext = cloister.Staple{}, time.Time{}
	}
	return tx.must("sni_endpoint", `
		UPDATE endpoints SET label = $1, chain = $2, served = $3, secret = $4, updated_at = $5, staple = $6, staple_until = $7, staple_next = $8, revoked = $9
		WHERE id = $10`,
		e.Label, e.Chain, e.Served, tx.sealed(map[string]cloister.Secret{"key": e.Key}), at(tx.Now), base64.StdEncoding.EncodeToString(e.Staple.Text), at(e.Staple.Until), at(e.StapleNext), e.Staple.Revoked, e.ID)
}

// UpdateStaple writes what the authority says of an endpoint's certificate.
func (tx *Tx) UpdateStaple(e cloister.Endpoint) error {
	return tx.must("sni_endpoint", `UPDATE endpoints SET staple = $1, staple_until = $2, staple_next = $3, revoked = $4 WHERE id = $5`,
		base64.StdEncoding.EncodeToString(e.Staple.Text), at(e.Staple.Until), at(e.StapleNext), e.Staple.Revoked, e.ID)
}

// DeleteEndpoint takes an SNI endpoint from its app. Domains that were served with it have none then.
func (tx *Tx) DeleteEndpoint(e cloister.Endpoint) error {
	if err := gone(tx, e.AppID, cloister.EntityEndpoint, e.ID, is(e)); err != nil {
		return err
	}
	return tx.must("sni_endpoint", `DELETE FROM endpoints WHERE id = $1`, e.ID)
}

// encoded scans bytes that are no secret; BYTEA is for those that are.
type encoded struct{ to *[]byte }

func (e encoded) Scan(v any) (err error) {
	*e.to = nil
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("%T is no text", v)
	}
	if text != "" {
		*e.to, err = base64.StdEncoding.DecodeString(text)
	}
	return err
}
