package store

import (
	"fmt"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
)

const appColumns = `id, name, space_id, team_id, stack, build_stack, label, maintenance, internal_routing, locked,
	buildpacks, detected, config, repo_size, slug_size, released_at, created_at, updated_at, features, boot_timeout, acm`

func scanApp(tx *Tx, r row) (a cloister.App, err error) {
	var boot int64
	err = r.Scan(&a.ID, &a.Name, &a.SpaceID, &a.TeamID, &a.Stack, &a.BuildStack, &a.Label, &a.Maintenance,
		&a.InternalRouting, &a.Locked, document{&a.Buildpacks}, &a.Detected, unsealed{tx, &a.Config}, &a.RepoSize,
		&a.SlugSize, when{&a.ReleasedAt}, when{&a.CreatedAt}, when{&a.UpdatedAt},
		document{&a.Features}, &boot, &a.ACM)
	a.BootTimeout = time.Duration(boot) * time.Second
	return a, err
}

// App finds an app by id or name.
func (tx *Tx) App(ref string) (cloister.App, error) {
	return one(tx, "app", scanApp, `SELECT `+appColumns+` FROM apps WHERE id = $1 OR name = $1`, ref)
}

// An AppFilter narrows a list of apps; empty fields do not.
type AppFilter struct {
	Space string // id
	Team  string // id
	User  string // id of a user: apps that they can see
}

// appsSeen is whether a user sees an app, as a format of the number of their id's parameter. It begins with what is theirs: most
// apps are others'.
const appsSeen = `apps.id IN (
	SELECT a.id FROM members m JOIN apps a ON a.team_id = m.team_id WHERE m.user_id = $%[1]d AND (m.role = 'admin' OR NOT a.locked)
	UNION SELECT app_id FROM collaborators WHERE user_id = $%[1]d)`

// Apps lists apps by name.
func (tx *Tx) Apps(f AppFilter) ([]cloister.App, error) {
	var where []string
	var args []any
	and := func(clause, v string) {
		if v != "" {
			args = append(args, v)
			where = append(where, fmt.Sprintf(clause, len(args)))
		}
	}
	and(`space_id = $%d`, f.Space)
	and(`team_id = $%d`, f.Team)
	and(appsSeen, f.User)
	query := `SELECT ` + appColumns + ` FROM apps`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, ` AND `)
	}
	// Ordered by a bare name, SQLite looks at all apps, by the index of names.
	return many(tx, scanApp, query+` ORDER BY name || ''`, args...)
}

// AppsWith lists the apps whose owners have switched a feature on, by id.
func (tx *Tx) AppsWith(feature string) ([]string, error) {
	return many(tx, value[string], `SELECT id FROM apps WHERE features LIKE $1 ORDER BY id`, `%"`+feature+`":true%`)
}

// CountApps counts the apps of a space.
func (tx *Tx) CountApps(spaceID string) (int, error) {
	return one(tx, "space", value[int], `SELECT COUNT(*) FROM apps WHERE space_id = $1`, spaceID)
}

// InsertApp adds an app; a name in use is a Conflict.
func (tx *Tx) InsertApp(a cloister.App) error {
	return tx.exec(`
		INSERT INTO apps (`+appColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		a.ID, a.Name, a.SpaceID, a.TeamID, a.Stack, a.BuildStack, a.Label, a.Maintenance, a.InternalRouting, a.Locked,
		doc(a.Buildpacks), a.Detected, tx.sealed(a.Config), a.RepoSize, a.SlugSize, at(a.ReleasedAt), at(a.CreatedAt), at(a.UpdatedAt),
		doc(a.Features), int64(a.BootTimeout/time.Second), a.ACM)
}

// UpdateApp writes everything about an app that can change.
func (tx *Tx) UpdateApp(a cloister.App) error {
	a.UpdatedAt = tx.Now
	if err := put(tx, a.ID, cloister.EntityApp, a.ID, func() (cloister.App, error) { return tx.App(a.ID) }, a); err != nil {
		return err
	}
	return tx.must("app", `
		UPDATE apps
		SET name = $1, stack = $2, build_stack = $3, maintenance = $4, locked = $5, buildpacks = $6, detected = $7,
			config = $8, repo_size = $9, slug_size = $10, released_at = $11, updated_at = $12, features = $13,
			boot_timeout = $14, acm = $15
		WHERE id = $16`,
		a.Name, a.Stack, a.BuildStack, a.Maintenance, a.Locked, doc(a.Buildpacks), a.Detected,
		tx.sealed(a.Config), a.RepoSize, a.SlugSize, at(a.ReleasedAt), at(tx.Now), doc(a.Features),
		int64(a.BootTimeout/time.Second), a.ACM, a.ID)
}

// DeleteApp removes an app with its releases, slugs, builds and dyno rows. What runs is stopped by the app's Step,
// which finds it by its owner. Its webhooks stay until they were told, its add-ons until they have ended.
func (tx *Tx) DeleteApp(id string) error {
	if err := gone(tx, id, cloister.EntityApp, id, func() (cloister.App, error) { return tx.App(id) }); err != nil {
		return err
	}
	if err := tx.endWebhooks(id); err != nil {
		return err
	}
	if err := tx.endAddons(id); err != nil {
		return err
	}
	return tx.must("app", `DELETE FROM apps WHERE id = $1`, id)
}
