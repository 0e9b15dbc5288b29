package store

import "github.com/cloister-dev/cloister"

const dynoColumns = `id, app_id, space_id, type, number, release_id, version, size, command, zone, state, restart,
	retire_at, stop_at, address, endpoint, up_at, ended_at, exit, crashes, created_at, updated_at`

func scanDyno(_ *Tx, r row) (d cloister.Dyno, err error) {
	err = r.Scan(&d.ID, &d.AppID, &d.SpaceID, &d.Type, &d.Number, &d.ReleaseID, &d.Version, &d.Size, &d.Command, &d.Zone,
		&d.State, &d.Restart, when{&d.RetireAt}, when{&d.StopAt}, text{&d.Address}, text{&d.Endpoint}, when{&d.UpAt},
		when{&d.EndedAt}, &d.Exit, &d.Crashes, when{&d.CreatedAt}, when{&d.UpdatedAt})
	return d, err
}

// Dynos lists the dynos of an app by type, number and age.
func (tx *Tx) Dynos(appID string) ([]cloister.Dyno, error) {
	return many(tx, scanDyno, `
		SELECT `+dynoColumns+`
		FROM dynos
		WHERE app_id = $1
		ORDER BY type, number, created_at, id`, appID)
}

// SpaceDynos lists the dynos of a space by app, type, number and age.
func (tx *Tx) SpaceDynos(spaceID string) ([]cloister.Dyno, error) {
	return many(tx, scanDyno, `
		SELECT `+dynoColumns+`
		FROM dynos
		WHERE space_id = $1
		ORDER BY app_id, type, number, created_at, id`, spaceID)
}

// AllDynos lists the dynos of all apps by app, type, number and age.
func (tx *Tx) AllDynos() ([]cloister.Dyno, error) {
	return many(tx, scanDyno, `SELECT `+dynoColumns+` FROM dynos ORDER BY app_id, type, number, created_at, id`)
}

// WebDynos lists the web dynos of all apps that are up or on their way: what the router's table is made of.
func (tx *Tx) WebDynos() ([]cloister.Dyno, error) {
	return many(tx, scanDyno, `
		SELECT `+dynoColumns+`
		FROM dynos
		WHERE type = 'web'
		ORDER BY app_id, number, created_at, id`)
}

// PutDyno adds a dyno or writes its status. It leaves restart alone, which is platform's.
func (tx *Tx) PutDyno(d cloister.Dyno) error {
	d.UpdatedAt = tx.Now
	if err := put(tx, d.AppID, cloister.EntityDyno, d.ID, func() (cloister.Dyno, error) { return tx.dyno(d.ID) }, d); err != nil {
		return err
	}
	address, endpoint := "", ""
	if d.Address.IsValid() {
		address = d.Address.String()
	}
	if d.Endpoint.IsValid() {
		endpoint = d.Endpoint.String()
	}
	return tx.exec(`
		INSERT INTO dynos (`+dynoColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
		ON CONFLICT (id) DO UPDATE
		SET zone = $10, state = $11, retire_at = $13, stop_at = $14, address = $15, endpoint = $16, up_at = $17,
			ended_at = $18, exit = $19, crashes = $20, updated_at = $22`,
		d.ID, d.AppID, d.SpaceID, d.Type, d.Number, d.ReleaseID, d.Version, d.Size, d.Command, d.Zone, string(d.State),
		d.Restart, at(d.RetireAt), at(d.StopAt), address, endpoint, at(d.UpAt), at(d.EndedAt), d.Exit, d.Crashes,
		at(d.CreatedAt), at(tx.Now))
}

// RestartDynos asks control to replace dynos of an app: all, or those of a type, or one by its number. It returns
// how many there were.
func (tx *Tx) RestartDynos(appID, typ string, number int) (int, error) {
	res, err := tx.tx.ExecContext(tx.ctx, `
		UPDATE dynos
		SET restart = $1
		WHERE app_id = $2 AND retire_at IS NULL AND ($3 = '' OR type = $3) AND ($4 = 0 OR number = $4)`,
		true, appID, typ, number)
	if err != nil {
		return 0, classify(err)
	}
	n, err := tx.count(res)
	return int(n), err
}

// DeleteDyno removes a dyno that is gone.
func (tx *Tx) DeleteDyno(id string) error {
	all, err := many(tx, scanDyno, `DELETE FROM dynos WHERE id = $1 RETURNING `+dynoColumns, id)
	for _, d := range all {
		if err := gone(tx, d.AppID, cloister.EntityDyno, d.ID, is(d)); err != nil {
			return err
		}
	}
	return err
}

func (tx *Tx) dyno(id string) (cloister.Dyno, error) {
	return one(tx, "dyno", scanDyno, `SELECT `+dynoColumns+` FROM dynos WHERE id = $1`, id)
}
