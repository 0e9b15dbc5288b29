package store

import "github.com/cloister-dev/cloister"

const processTypeColumns = `id, app_id, type, command, quantity, size, created_at, updated_at`

func scanProcessType(_ *Tx, r row) (p cloister.ProcessType, err error) {
	err = r.Scan(&p.ID, &p.AppID, &p.Type, &p.Command, &p.Quantity, &p.Size, when{&p.CreatedAt}, when{&p.UpdatedAt})
	return p, err
}

// Formation lists the process types of an app by name.
func (tx *Tx) Formation(appID string) ([]cloister.ProcessType, error) {
	return many(tx, scanProcessType, `SELECT `+processTypeColumns+` FROM process_types WHERE app_id = $1 ORDER BY type`, appID)
}

// SpaceFormation lists the process types of all apps of a space.
func (tx *Tx) SpaceFormation(spaceID string) ([]cloister.ProcessType, error) {
	return many(tx, scanProcessType, `
		SELECT `+processTypeColumns+`
		FROM process_types
		WHERE app_id IN (SELECT id FROM apps WHERE space_id = $1)
		ORDER BY app_id, type`, spaceID)
}

// CountWanted counts the dynos that a space is to have: those of all formations, and one-off dynos that have not ended.
func (tx *Tx) CountWanted(spaceID string) (int, error) {
	return one(tx, "space", value[int], `
		SELECT (SELECT COALESCE(SUM(quantity), 0) FROM process_types WHERE app_id IN (SELECT id FROM apps WHERE space_id = $1))
			+ (SELECT COUNT(*) FROM runs WHERE space_id = $1 AND ended_at IS NULL)`, spaceID)
}

// AllProcessTypes lists the process types of all apps.
func (tx *Tx) AllProcessTypes() ([]cloister.ProcessType, error) {
	return many(tx, scanProcessType, `SELECT `+processTypeColumns+` FROM process_types ORDER BY app_id, type`)
}

// PutProcessType adds a process type or writes the one there is.
func (tx *Tx) PutProcessType(p cloister.ProcessType) error {
	old := func() (cloister.ProcessType, error) { return tx.processType(p.AppID, p.Type) }
	if err := put(tx, p.AppID, cloister.EntityFormation, p.Type, old, p); err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO process_types (`+processTypeColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (app_id, type) DO UPDATE
		SET command = $4, quantity = $5, size = $6, updated_at = $8`,
		p.ID, p.AppID, p.Type, p.Command, p.Quantity, p.Size, at(p.CreatedAt), at(p.UpdatedAt))
}

// DeleteProcessType removes a process type.
func (tx *Tx) DeleteProcessType(appID, typ string) error {
	old := func() (cloister.ProcessType, error) { return tx.processType(appID, typ) }
	if err := gone(tx, appID, cloister.EntityFormation, typ, old); err != nil {
		return err
	}
	return tx.must("process type", `DELETE FROM process_types WHERE app_id = $1 AND type = $2`, appID, typ)
}

func (tx *Tx) processType(appID, typ string) (cloister.ProcessType, error) {
	return one(tx, "process type", scanProcessType, `
		SELECT `+processTypeColumns+` FROM process_types WHERE app_id = $1 AND type = $2`, appID, typ)
}
