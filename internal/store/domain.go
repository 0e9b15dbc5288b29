package store

import "github.com/cloister-dev/cloister"

const domainColumns = `id, app_id, hostname, COALESCE(endpoint_id, ''), COALESCE((SELECT e.name FROM endpoints e WHERE e.id = endpoint_id), ''), clients, ready, acm_status, acm_reason, acm_tries, acm_next, created_at, updated_at`

func scanDomain(_ *Tx, r row) (d cloister.Domain, err error) {
	err = r.Scan(&d.ID, &d.AppID, &d.Hostname, &d.EndpointID, &d.EndpointName, &d.Clients, &d.Ready, &d.ACMStatus, &d.ACMReason, &d.ACMTries, when{&d.ACMNext}, when{&d.CreatedAt}, when{&d.UpdatedAt})
	return d, err
}

// Domains lists the domains of an app by host name.
func (tx *Tx) Domains(appID string) ([]cloister.Domain, error) {
	return many(tx, scanDomain, `SELECT `+domainColumns+` FROM domains WHERE app_id = $1 ORDER BY hostname`, appID)
}

// AllDomains lists the domains of all apps, app by app.
func (tx *Tx) AllDomains() ([]cloister.Domain, error) {
	return many(tx, scanDomain, `SELECT `+domainColumns+` FROM domains ORDER BY app_id, hostname`)
}

// DomainsBelow lists the domains, of whichever app, that are below the same registered name.
func (tx *Tx) DomainsBelow(registrable string) ([]cloister.Domain, error) {
	return many(tx, scanDomain, `SELECT `+domainColumns+` FROM domains WHERE registrable = $1 ORDER BY hostname`, registrable)
}

// InsertDomain adds a domain; a host name that is there already, in any app, is a Conflict.
func (tx *Tx) InsertDomain(d cloister.Domain, registrable string) error {
	if err := made(tx, d.AppID, cloister.EntityDomain, d.ID, d); err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO domains (id, app_id, hostname, registrable, endpoint_id, ready, acm_status, acm_reason, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		d.ID, d.AppID, d.Hostname, registrable, orNull(d.EndpointID), d.Ready, d.ACMStatus, d.ACMReason, at(d.CreatedAt), at(d.UpdatedAt))
}

// UpdateDomain writes all of a domain that may change.
func (tx *Tx) UpdateDomain(was, d cloister.Domain) error {
	d.UpdatedAt = tx.Now
	if err := put(tx, d.AppID, cloister.EntityDomain, d.ID, is(was), d); err != nil {
		return err
	}
	return tx.must("domain", `UPDATE domains SET endpoint_id = $1, clients = $2, ready = $3, acm_status = $4, acm_reason = $5, acm_tries = $6, acm_next = $7, updated_at = $8 WHERE id = $9`,
		orNull(d.EndpointID), d.Clients, d.Ready, d.ACMStatus, d.ACMReason, d.ACMTries, at(d.ACMNext), at(tx.Now), d.ID)
}

// DeleteDomain takes a domain from its app.
func (tx *Tx) DeleteDomain(d cloister.Domain) error {
	if err := gone(tx, d.AppID, cloister.EntityDomain, d.ID, is(d)); err != nil {
		return err
	}
	return tx.must("domain", `DELETE FROM domains WHERE id = $1`, d.ID)
}
