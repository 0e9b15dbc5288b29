package store

import "github.com/cloister-dev/cloister"

const jobColumns = `id, app_id, command, size, schedule, since, handled_at, last_run, created_at, updated_at`

func scanJob(_ *Tx, r row) (j cloister.Job, err error) {
	err = r.Scan(&j.ID, &j.AppID, &j.Command, &j.Size, &j.Schedule, when{&j.Since}, when{&j.HandledAt}, when{&j.LastRun}, when{&j.CreatedAt}, when{&j.UpdatedAt})
	return j, err
}

// Jobs lists the scheduled jobs of an app, the oldest first.
func (tx *Tx) Jobs(appID string) ([]cloister.Job, error) {
	return many(tx, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE app_id = $1 ORDER BY created_at, id`, appID)
}

// Job finds a scheduled job by id.
func (tx *Tx) Job(id string) (cloister.Job, error) {
	return one(tx, "scheduled job", scanJob, `SELECT `+jobColumns+` FROM jobs WHERE id = $1`, id)
}

// InsertJob adds a scheduled job to an app.
func (tx *Tx) InsertJob(j cloister.Job) error {
	return tx.exec(`INSERT INTO jobs (`+jobColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		j.ID, j.AppID, j.Command, j.Size, string(j.Schedule), at(j.Since), at(j.HandledAt), at(j.LastRun), at(j.CreatedAt), at(j.UpdatedAt))
}

// UpdateJob writes what a scheduled job is to run, and when.
func (tx *Tx) UpdateJob(j cloister.Job) error {
	return tx.must("scheduled job", `UPDATE jobs SET command = $1, size = $2, schedule = $3, since = $4, updated_at = $5 WHERE id = $6`,
		j.Command, j.Size, string(j.Schedule), at(j.Since), at(j.UpdatedAt), j.ID)
}

// PutJobStatus writes what became of a scheduled job, if it is still there.
func (tx *Tx) PutJobStatus(j cloister.Job) error {
	return tx.exec(`UPDATE jobs SET handled_at = $1, last_run = $2 WHERE id = $3`, at(j.HandledAt), at(j.LastRun), j.ID)
}

// TouchJobs touches the scheduled jobs of an app: before it goes, so that nobody waits for when they are due.
func (tx *Tx) TouchJobs(appID string) error {
	return tx.touchThese(`SELECT $1, id, 1, $2, 0, '', '' FROM jobs WHERE app_id = $3`, "job", appID)
}

// DeleteJob forgets a scheduled job. A run of it goes on.
func (tx *Tx) DeleteJob(id string) error {
	return tx.must("scheduled job", `DELETE FROM jobs WHERE id = $1`, id)
}

// DeleteJobs forgets the scheduled jobs of an app.
func (tx *Tx) DeleteJobs(appID string) error {
	if err := tx.TouchJobs(appID); err != nil {
		return err
	}
	return tx.exec(`DELETE FROM jobs WHERE app_id = $1`, appID)
}
