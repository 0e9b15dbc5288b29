package store

import "github.com/cloister-dev/cloister"

const instanceColumns = `addon_id, slot, zone, workload, address, role, ready, failures, started_at, ended_at`

func scanInstance(_ *Tx, r row) (i cloister.Instance, err error) {
	err = r.Scan(&i.AddonID, &i.Slot, &i.Zone, &i.Workload, text{&i.Address}, &i.Role, &i.Ready, &i.Failures, when{&i.StartedAt}, when{&i.EndedAt})
	return i, err
}

// Instances lists the instances of an add-on by slot.
func (tx *Tx) Instances(addonID string) ([]cloister.Instance, error) {
	return many(tx, scanInstance, `SELECT `+instanceColumns+` FROM instances WHERE addon_id = $1 ORDER BY slot`, addonID)
}

// PutInstance writes how an instance of an add-on is.
func (tx *Tx) PutInstance(i cloister.Instance) error {
	return tx.exec(`
		INSERT INTO instances (`+instanceColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (addon_id, slot) DO UPDATE
		SET zone = $3, workload = $4, address = $5, role = $6, ready = $7, failures = $8, started_at = $9, ended_at = $10`,
		i.AddonID, i.Slot, i.Zone, i.Workload, addressText(i.Address), i.Role, i.Ready, i.Failures, at(i.StartedAt), at(i.EndedAt))
}

// DeleteInstance forgets an instance that an add-on has no more.
func (tx *Tx) DeleteInstance(i cloister.Instance) error {
	return tx.exec(`DELETE FROM instances WHERE addon_id = $1 AND slot = $2`, i.AddonID, i.Slot)
}
