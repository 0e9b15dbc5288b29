package store

import (
	"strconv"
	"time"

	"github.com/cloister-dev/cloister"
)

// releaseLimit is how long a release command may take.
const releaseLimit = time.Hour

// NewestRelease is the newest release of an app that has not failed: the one that is current, or may be soon.
func (tx *Tx) NewestRelease(appID string) (cloister.Release, error) {
	return one(tx, "release", scanRelease, `
		SELECT `+releaseColumns+`
		FROM releases
		WHERE app_id = $1 AND status IN ('succeeded', 'pending')
		ORDER BY version DESC
		LIMIT 1`, appID)
}

// PendingBefore counts the releases of an app that are older than a version, and pending: they have their turn first.
func (tx *Tx) PendingBefore(appID string, version int) (int, error) {
	return one(tx, "app", value[int], `
		SELECT COUNT(*) FROM releases WHERE app_id = $1 AND status = 'pending' AND version < $2`, appID, version)
}

// startPhase has a one-off dyno run the release command of a pending release. Its size is that of the process type.
func (tx *Tx) startPhase(app cloister.App, r cloister.Release, command, size string) error {
	types, err := tx.Formation(app.ID)
	if err != nil {
		return err
	}
	t := cloister.ProcessType{ID: cloister.NewID(), AppID: app.ID, Type: cloister.ReleaseType, Size: size, CreatedAt: tx.Now}
	for _, known := range types {
		if known.Type == t.Type {
			t = known
		}
	}
	t.Command, t.UpdatedAt = command, tx.Now
	if err := tx.PutProcessType(t); err != nil {
		return err
	}
	before, err := tx.PendingBefore(app.ID, r.Version)
	if err != nil {
		return err
	}
	run := cloister.Run{Dyno: cloister.Dyno{ID: cloister.NewID(), AppID: app.ID, SpaceID: app.SpaceID, Type: cloister.ReleaseType,
		Number: phaseNumber(r.Version), ReleaseID: r.ID, Version: r.Version, Size: t.Size, Command: command,
		State: cloister.DynoStarting, CreatedAt: tx.Now, UpdatedAt: tx.Now},
		ExpiresAt: tx.Now.Add(time.Duration(before+1) * releaseLimit)} // those before it have their time too
	if err := tx.InsertRun(run); err != nil {
		return err
	}
	return tx.Touch("run", run.ID)
}

// phaseNumber is the number of a release dyno: four digits, and other ones for 9000 releases in a row.
func phaseNumber(version int) int { return 1000 + version*7919%9000 }

// EndPhase records how the release command of a pending release ended. If it went well the release is current now,
// unless a newer one is already. It returns false for a release that is not pending any more.
func (tx *Tx) EndPhase(app cloister.App, r cloister.Release, succeeded bool, size string) (bool, error) {
	if r.Status != cloister.ReleasePending {
		return false, nil
	}
	pending := r
	r.Status, r.UpdatedAt = cloister.ReleaseFailed, tx.Now
	if succeeded {
		r.Status = cloister.ReleaseSucceeded
	}
	if err := put(tx, app.ID, cloister.EntityRelease, r.ID, is(pending), r); err != nil {
		return false, err
	}
	if err := tx.must("release", `UPDATE releases SET status = $1, updated_at = $2 WHERE id = $3`, string(r.Status), at(tx.Now), r.ID); err != nil {
		return false, err
	}
	if err := tx.Changed("release", r.ID, "update", app.Name+" v"+strconv.Itoa(r.Version)+": "+string(r.Status), pending, r); err != nil || !succeeded {
		return true, err
	}
	if now, err := tx.CurrentRelease(app.ID); err != nil || now.ID != r.ID {
		return true, err
	}
	return true, tx.makeCurrent(app, r, size)
}
