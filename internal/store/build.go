package store

import "github.com/cloister-dev/cloister"

const buildColumns = `id, app_id, user_id, user_email, status, source_url, checksum, version, version_text, stack,
	buildpacks, submodules, from_git, message, slug_id, release_id, canceled, created_at, updated_at`

func scanBuild(_ *Tx, r row) (b cloister.Build, err error) {
	err = r.Scan(&b.ID, &b.AppID, &b.UserID, &b.UserEmail, &b.Status, &b.SourceURL, &b.Checksum, &b.Version,
		&b.VersionText, &b.Stack, document{&b.Buildpacks}, document{&b.Submodules}, &b.FromGit, &b.Message, &b.SlugID,
		&b.ReleaseID, &b.Canceled, when{&b.CreatedAt}, when{&b.UpdatedAt})
	return b, err
}

// Build finds a build by id.
func (tx *Tx) Build(id string) (cloister.Build, error) {
	return one(tx, "build", scanBuild, `SELECT `+buildColumns+` FROM builds WHERE id = $1`, id)
}

// Builds lists the builds of an app, oldest first.
func (tx *Tx) Builds(appID string) ([]cloister.Build, error) {
	return many(tx, scanBuild, `SELECT `+buildColumns+` FROM builds WHERE app_id = $1 ORDER BY created_at, id`, appID)
}

// PendingBuilds lists the builds of all apps that are not finished, oldest first.
func (tx *Tx) PendingBuilds() ([]cloister.Build, error) {
	return many(tx, scanBuild, `SELECT `+buildColumns+` FROM builds WHERE status = 'pending' ORDER BY created_at, id`)
}

// InsertBuild adds a build.
func (tx *Tx) InsertBuild(b cloister.Build) error {
	if err := made(tx, b.AppID, cloister.EntityBuild, b.ID, b); err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO builds (`+buildColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		b.ID, b.AppID, b.UserID, b.UserEmail, string(b.Status), b.SourceURL, b.Checksum, b.Version, b.VersionText, b.Stack,
		doc(b.Buildpacks), doc(b.Submodules), b.FromGit, b.Message, b.SlugID, b.ReleaseID, b.Canceled, at(b.CreatedAt), at(b.UpdatedAt))
}

// FinishBuild writes the outcome of a build.
func (tx *Tx) FinishBuild(b cloister.Build) error {
	b.UpdatedAt = tx.Now
	if err := put(tx, b.AppID, cloister.EntityBuild, b.ID, func() (cloister.Build, error) { return tx.Build(b.ID) }, b); err != nil {
		return err
	}
	return tx.must("build", `
		UPDATE builds
		SET status = $1, buildpacks = $2, message = $3, slug_id = $4, release_id = $5, updated_at = $6
		WHERE id = $7`,
		string(b.Status), doc(b.Buildpacks), b.Message, b.SlugID, b.ReleaseID, at(tx.Now), b.ID)
}

// CancelBuild asks control to stop a build.
func (tx *Tx) CancelBuild(id string) error {
	return tx.must("build", `UPDATE builds SET canceled = $1 WHERE id = $2`, true, id)
}
