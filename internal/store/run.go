package store

import (
	"net/netip"

	"github.com/cloister-dev/cloister"
)

const runColumns = `id, app_id, space_id, type, number, release_id, version, size, command, attached, env, expires_at,
	stopped, zone, state, stop_at, address, up_at, ended_at, exit, created_at, updated_at`

func scanRun(tx *Tx, r row) (v cloister.Run, err error) {
	err = r.Scan(&v.ID, &v.AppID, &v.SpaceID, &v.Type, &v.Number, &v.ReleaseID, &v.Version, &v.Size, &v.Command, &v.Attached,
		unsealed{tx, &v.Env}, when{&v.ExpiresAt}, &v.Stopped, &v.Zone, &v.State, when{&v.StopAt}, text{&v.Address},
		when{&v.UpAt}, when{&v.EndedAt}, &v.Exit, when{&v.CreatedAt}, when{&v.UpdatedAt})
	return v, err
}

// Run finds a one-off dyno by id.
func (tx *Tx) Run(id string) (cloister.Run, error) {
	return one(tx, "run", scanRun, `SELECT `+runColumns+` FROM runs WHERE id = $1`, id)
}

// Runs lists the one-off dynos of an app by type and number.
func (tx *Tx) Runs(appID string) ([]cloister.Run, error) {
	return many(tx, scanRun, `SELECT `+runColumns+` FROM runs WHERE app_id = $1 ORDER BY type, number`, appID)
}

// AllRuns lists the one-off dynos of all apps by app, type and number.
func (tx *Tx) AllRuns() ([]cloister.Run, error) {
	return many(tx, scanRun, `SELECT `+runColumns+` FROM runs ORDER BY app_id, type, number`)
}

// CountRuns counts the one-off dynos of a space whose command has not ended: those of a size, or all for "".
func (tx *Tx) CountRuns(spaceID, size string) (int, error) {
	return one(tx, "space", value[int], `
		SELECT COUNT(*)
		FROM runs
		WHERE space_id = $1 AND ($2 = '' OR size = $2) AND ended_at IS NULL`, spaceID, size)
}

// AllowRun reports why a space can have no further one-off dyno of a size (Invalid), or nil.
func (tx *Tx) AllowRun(s cloister.Space, size string) error {
	limits, err := tx.Limits(s.ID)
	if err != nil {
		return err
	}
	n, err := tx.CountRuns(s.ID, size)
	if err != nil {
		return err
	}
	if err := limits.Allow(cloister.LimitOneOffs, s.Name, "Size "+size+" in space "+s.Name, n, n+1); err != nil {
		return err
	}
	if n, err = tx.CountWanted(s.ID); err != nil {
		return err
	}
	return limits.Allow(cloister.LimitDynos, s.Name, "Space "+s.Name, n, n+1)
}

// InsertRun adds a one-off dyno; a name in use is a Conflict.
func (tx *Tx) InsertRun(r cloister.Run) error {
	if err := made(tx, r.AppID, cloister.EntityDyno, r.ID, r.Dyno); err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO runs (`+runColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`,
		r.ID, r.AppID, r.SpaceID, r.Type, r.Number, r.ReleaseID, r.Version, r.Size, r.Command, r.Attached, tx.sealed(r.Env),
		at(r.ExpiresAt), r.Stopped, r.Zone, string(r.State), at(r.StopAt), addressText(r.Address), at(r.UpAt), at(r.EndedAt),
		r.Exit, at(r.CreatedAt), at(r.UpdatedAt))
}

// PutRun writes the status of a one-off dyno, if it is still there.
func (tx *Tx) PutRun(r cloister.Run) error {
	r.UpdatedAt = tx.Now
	old := func() (cloister.Dyno, error) { v, err := tx.Run(r.ID); return v.Dyno, err }
	if err := set(tx, r.AppID, cloister.EntityDyno, r.ID, old, r.Dyno); err != nil {
		return err
	}
	return tx.exec(`
		UPDATE runs
		SET zone = $1, state = $2, stop_at = $3, address = $4, up_at = $5, ended_at = $6, exit = $7, updated_at = $8
		WHERE id = $9`,
		r.Zone, string(r.State), at(r.StopAt), addressText(r.Address), at(r.UpAt), at(r.EndedAt), r.Exit, at(tx.Now), r.ID)
}

// StopRun asks control to stop a one-off dyno.
func (tx *Tx) StopRun(id string) error {
	if err := tx.exec(`UPDATE runs SET stopped = $1, updated_at = $2 WHERE id = $3`, true, at(tx.Now), id); err != nil {
		return err
	}
	return tx.Touch("run", id)
}

// TouchRuns touches the one-off dynos of an app: before it goes, so that they go too.
func (tx *Tx) TouchRuns(appID string) error {
	return tx.touchThese(`SELECT $1, id, 1, $2, 0, '', '' FROM runs WHERE app_id = $3`, "run", appID)
}

// DeleteRun removes a one-off dyno that is gone.
func (tx *Tx) DeleteRun(id string) error {
	all, err := many(tx, scanRun, `DELETE FROM runs WHERE id = $1 RETURNING `+runColumns, id)
	for _, r := range all {
		if err := gone(tx, r.AppID, cloister.EntityDyno, r.ID, is(r.Dyno)); err != nil {
			return err
		}
	}
	return err
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
