package store

import (
	"strconv"

	"github.com/cloister-dev/cloister"
)

const slugColumns = `id, app_id, checksum, commit_id, commit_text, stack, detected, process_types, size, image, created_at, updated_at`

func scanSlug(_ *Tx, r row) (s cloister.Slug, err error) {
	err = r.Scan(&s.ID, &s.AppID, &s.Checksum, &s.Commit, &s.CommitText, &s.Stack, &s.Detected,
		document{&s.ProcessTypes}, &s.Size, &s.Image, when{&s.CreatedAt}, when{&s.UpdatedAt})
	return s, err
}

// Slug finds a slug of an app by id.
func (tx *Tx) Slug(appID, id string) (cloister.Slug, error) {
	return one(tx, "slug", scanSlug, `SELECT `+slugColumns+` FROM slugs WHERE app_id = $1 AND id = $2`, appID, id)
}

// InsertSlug adds a slug.
func (tx *Tx) InsertSlug(s cloister.Slug) error {
	return tx.exec(`
		INSERT INTO slugs (`+slugColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		s.ID, s.AppID, s.Checksum, s.Commit, s.CommitText, s.Stack, s.Detected, doc(s.ProcessTypes), s.Size, s.Image,
		at(s.CreatedAt), at(s.UpdatedAt))
}

// FillSlug gives a slug that has no archive yet what is known of it: checksum, size and image. One that has an archive
// is a Conflict: it may be running.
func (tx *Tx) FillSlug(s cloister.Slug) error {
	err := tx.must("slug", `
		UPDATE slugs
		SET checksum = $1, size = $2, image = $3, updated_at = $4
		WHERE id = $5 AND image = ''`,
		s.Checksum, s.Size, s.Image, at(tx.Now), s.ID)
	if cloister.KindOf(err) == cloister.NotFound {
		return cloister.Errorf(cloister.Conflict, "The archive of this slug has been uploaded already. Create another slug.")
	}
	return err
}

// Images lists the digests that slugs, stacks and data services still need.
func (tx *Tx) Images() ([]string, error) {
	return many(tx, value[string], `
		SELECT image FROM slugs WHERE image <> ''
		UNION SELECT digest FROM images
		UNION SELECT run_image FROM stacks
		UNION SELECT build_image FROM stacks`)
}

const releaseColumns = `id, app_id, version, slug_id, config, description, user_id, user_email, status, created_at, updated_at, automatic, phase, attached`

func scanRelease(tx *Tx, r row) (v cloister.Release, err error) {
	err = r.Scan(&v.ID, &v.AppID, &v.Version, &v.SlugID, unsealed{tx, &v.Config}, &v.Description, &v.UserID,
		&v.UserEmail, &v.Status, when{&v.CreatedAt}, when{&v.UpdatedAt}, &v.Automatic, &v.Phase, document{&v.Attached})
	return v, err
}

// Release finds a release of an app by id.
func (tx *Tx) Release(appID, id string) (cloister.Release, error) {
	return one(tx, "release", scanRelease, `SELECT `+releaseColumns+` FROM releases WHERE app_id = $1 AND id = $2`, appID, id)
}

// ReleaseByVersion finds a release of an app by its number.
func (tx *Tx) ReleaseByVersion(appID string, version int) (cloister.Release, error) {
	return one(tx, "release", scanRelease, `
		SELECT `+releaseColumns+` FROM releases WHERE app_id = $1 AND version = $2`, appID, version)
}

// CurrentRelease is the newest release of an app that succeeded: the one that should run.
func (tx *Tx) CurrentRelease(appID string) (cloister.Release, error) {
	return one(tx, "release", scanRelease, `
		SELECT `+releaseColumns+`
		FROM releases
		WHERE app_id = $1 AND status = 'succeeded'
		ORDER BY version DESC
		LIMIT 1`, appID)
}

// DeployedApps lists the ids of the apps whose current release has code.
func (tx *Tx) DeployedApps() ([]string, error) {
	return many(tx, value[string], `
		SELECT app_id
		FROM releases r
		WHERE slug_id <> '' AND version = (
			SELECT MAX(version)
			FROM releases
			WHERE app_id = r.app_id AND status = 'succeeded')
		ORDER BY app_id`)
}

// LastVersion is the number of an app's newest release of any status, 0 for none.
func (tx *Tx) LastVersion(appID string) (int, error) {
	return one(tx, "app", value[int], `SELECT COALESCE(MAX(version), 0) FROM releases WHERE app_id = $1`, appID)
}

// Releases lists all releases of an app, newest first.
func (tx *Tx) Releases(appID string) ([]cloister.Release, error) {
	return many(tx, scanRelease, `SELECT `+releaseColumns+` FROM releases WHERE app_id = $1 ORDER BY version DESC`, appID)
}

// InsertRelease adds a release; a version that exists is a Conflict.
func (tx *Tx) InsertRelease(v cloister.Release) error {
	if err := made(tx, v.AppID, cloister.EntityRelease, v.ID, v); err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO releases (`+releaseColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		v.ID, v.AppID, v.Version, v.SlugID, tx.sealed(v.Config), v.Description, v.UserID, v.UserEmail, string(v.Status),
		at(v.CreatedAt), at(v.UpdatedAt), v.Automatic, v.Phase, doc(v.Attached))
}

// AddRelease gives an app its next release: r needs only SlugID, Config, Description, its user, and whether it is
// automatic. If its slug has a release command, it is pending until that has succeeded; else, and if it is automatic, it
// is current at once. Of its config vars those that came from attachments, by Attached or else by the release before, give way
// to those of the attachments as they are. They are the app's own from now on, whatever becomes of it.
func (tx *Tx) AddRelease(app cloister.App, r cloister.Release, size string) (cloister.Release, error) {
	last, err := tx.LastVersion(app.ID)
	if err != nil {
		return r, err
	}
	r.ID, r.AppID, r.Version, r.Status = cloister.NewID(), app.ID, last+1, cloister.ReleaseSucceeded
	r.CreatedAt, r.UpdatedAt = tx.Now, tx.Now
	if err := tx.attach(&r, last); err != nil {
		return r, err
	}
	command := ""
	if r.SlugID != "" {
		slug, err := tx.Slug(app.ID, r.SlugID)
		if err != nil {
			return r, err
		}
		command = slug.ProcessTypes[cloister.ReleaseType]
	}
	if r.Phase = command != "" && !r.Automatic; r.Phase {
		r.Status = cloister.ReleasePending
	}
	if err := tx.InsertRelease(r); err != nil {
		return r, err
	}
	type made struct {
		Version int
		SlugID  string
		Config  map[string]cloister.Secret
	}
	before := made{Version: last, Config: app.Config}
	if last > 0 {
		old, err := tx.ReleaseByVersion(app.ID, last)
		if err != nil && cloister.KindOf(err) != cloister.NotFound {
			return r, err
		}
		before.SlugID = old.SlugID
	}
	if err := tx.Changed("release", r.ID, "create", app.Name+" v"+strconv.Itoa(r.Version)+": "+r.Description, before, made{r.Version, r.SlugID, r.Config}); err != nil {
		return r, err
	}
	app.Config = r.Config
	if !r.Phase {
		return r, tx.makeCurrent(app, r, size)
	}
	if err := tx.UpdateApp(app); err != nil {
		return r, err
	}
	return r, tx.startPhase(app, r, command, size)
}

// makeCurrent has the app and its formation follow a release that has become current, and the app's Step look.
func (tx *Tx) makeCurrent(app cloister.App, r cloister.Release, size string) error {
	app.ReleasedAt = tx.Now
	if r.SlugID != "" {
		slug, err := tx.Slug(app.ID, r.SlugID)
		if err != nil {
			return err
		}
		app.Stack, app.SlugSize, app.Detected = slug.Stack, slug.Size, slug.Detected
		old, err := tx.Formation(app.ID)
		if err != nil {
			return err
		}
		put, gone := cloister.NextFormation(tx.Now, app, old, slug.ProcessTypes, size)
		for _, p := range put {
			if err := tx.PutProcessType(p); err != nil {
				return err
			}
		}
		for _, t := range gone {
			if err := tx.DeleteProcessType(app.ID, t); err != nil {
				return err
			}
		}
	}
	if err := tx.UpdateApp(app); err != nil {
		return err
	}
	return tx.Touch("app", app.ID)
}
