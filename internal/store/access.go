package store

import (
	"errors"

	"github.com/cloister-dev/cloister"
)

// A Standing is all that decides what a user may do to something: their place in the team that owns it, what they may do with
// the app or in the space that it is, and how the team is.
type Standing struct {
	Role        cloister.Role // "": they are no member
	Permissions []cloister.Permission
	Team        cloister.Team // its name, since when it is suspended, and from where it is used
}

// Standing finds it with one query, since every call needs it. appID and spaceID may be ""; so may teamID, which gives none.
func (tx *Tx) Standing(teamID, appID, spaceID, userID string) (s Standing, err error) {
	if teamID == "" {
		return s, nil
	}
	scan := func(_ *Tx, r row) (s Standing, err error) {
		var inApp, inSpace, trusted string
		if err := r.Scan(&s.Team.Name, when{&s.Team.SuspendedAt}, &trusted, &s.Role, &inApp, &inSpace); err != nil {
			return s, err
		}
		for _, d := range []struct {
			text string
			v    any
		}{{trusted, &s.Team.Trusted}, {inApp, &s.Permissions}, {inSpace, &s.Permissions}} {
			if d.text != "" && d.text != "[]" && d.text != "null" {
				err = errors.Join(err, document{d.v}.Scan(d.text))
			}
		}
		return s, err
	}
	s, err = one(tx, "team", scan, `
		SELECT t.name, t.suspended_at, t.trusted,
			COALESCE((SELECT m.role FROM members m WHERE m.team_id = t.id AND m.user_id = $2), ''),
			COALESCE((SELECT c.permissions FROM collaborators c WHERE c.app_id = $3 AND c.user_id = $2), ''),
			COALESCE((SELECT x.permissions FROM space_members x WHERE x.space_id = $4 AND x.user_id = $2), '')
		FROM teams t WHERE t.id = $1`, teamID, userID, appID, spaceID)
	s.Team.ID = teamID
	return s, err
}

const collaboratorSelect = `
	SELECT c.id, c.app_id, c.user_id, u.email, c.permissions, c.created_at, c.updated_at
	FROM collaborators c JOIN users u ON u.id = c.user_id `

func scanCollaborator(_ *Tx, r row) (c cloister.Collaborator, err error) {
	err = r.Scan(&c.ID, &c.AppID, &c.UserID, &c.Email, document{&c.Permissions}, when{&c.CreatedAt}, when{&c.UpdatedAt})
	return c, err
}

// Collaborator finds what a user may do with an app.
func (tx *Tx) Collaborator(appID, userID string) (cloister.Collaborator, error) {
	return one(tx, "collaborator", scanCollaborator, collaboratorSelect+`WHERE c.app_id = $1 AND c.user_id = $2`, appID, userID)
}

// Collaborators lists the collaborators of an app by e-mail address.
func (tx *Tx) Collaborators(appID string) ([]cloister.Collaborator, error) {
	return many(tx, scanCollaborator, collaboratorSelect+`WHERE c.app_id = $1 ORDER BY u.email`, appID)
}

// TeamCollaborators lists the collaborators of all apps of a team, app by app.
func (tx *Tx) TeamCollaborators(teamID string) ([]cloister.Collaborator, error) {
	return many(tx, scanCollaborator, collaboratorSelect+`
		WHERE c.app_id IN (SELECT id FROM apps WHERE team_id = $1)
		ORDER BY c.app_id, u.email`, teamID)
}

// Joined tells which apps a user is a collaborator of, by id.
func (tx *Tx) Joined(userID string) (map[string]bool, error) {
	ids, err := many(tx, value[string], `SELECT app_id FROM collaborators WHERE user_id = $1`, userID)
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, err
}

// InsertCollaborator lets a user at an app; a second time is a Conflict.
func (tx *Tx) InsertCollaborator(c cloister.Collaborator) error {
	if err := made(tx, c.AppID, cloister.EntityCollaborator, c.ID, c); err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO collaborators (id, app_id, user_id, permissions, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		c.ID, c.AppID, c.UserID, doc(c.Permissions), at(c.CreatedAt), at(c.UpdatedAt))
}

// SetPermissions writes what a collaborator may do from now on.
func (tx *Tx) SetPermissions(c cloister.Collaborator, may []cloister.Permission) error {
	next := c
	next.Permissions, next.UpdatedAt = may, tx.Now
	if err := put(tx, c.AppID, cloister.EntityCollaborator, c.ID, is(c), next); err != nil {
		return err
	}
	return tx.must("collaborator", `UPDATE collaborators SET permissions = $1, updated_at = $2 WHERE id = $3`, doc(may), at(tx.Now), c.ID)
}

// DeleteCollaborator keeps a collaborator from an app.
func (tx *Tx) DeleteCollaborator(id string) error {
	n, err := tx.deleteCollaborators(`id = $1`, id)
	if err == nil && n == 0 {
		err = cloister.Missing("collaborator")
	}
	return err
}

// deleteCollaborators keeps all those of a clause from their apps, and tells how many they were.
func (tx *Tx) deleteCollaborators(where string, args ...any) (int, error) {
	where = `WHERE c.id IN (SELECT id FROM collaborators WHERE ` + where + `)`
	all, err := many(tx, scanCollaborator, collaboratorSelect+where, args...)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	for _, c := range all {
		if err := gone(tx, c.AppID, cloister.EntityCollaborator, c.ID, is(c)); err != nil {
			return 0, err
		}
	}
	return len(all), tx.exec(`DELETE FROM collaborators AS c `+where, args...)
}

const spaceMemberSelect = `
	SELECT s.id, s.space_id, s.user_id, u.email, s.permissions, s.created_at, s.updated_at
	FROM space_members s JOIN users u ON u.id = s.user_id `

func scanSpaceMember(_ *Tx, r row) (m cloister.SpaceMember, err error) {
	err = r.Scan(&m.ID, &m.SpaceID, &m.UserID, &m.Email, document{&m.Permissions}, when{&m.CreatedAt}, when{&m.UpdatedAt})
	return m, err
}

// SpaceMember finds what a user may do in a space beside what all members of its team may.
func (tx *Tx) SpaceMember(spaceID, userID string) (cloister.SpaceMember, error) {
	return one(tx, "member", scanSpaceMember, spaceMemberSelect+`WHERE s.space_id = $1 AND s.user_id = $2`, spaceID, userID)
}

// SpaceMembers lists those who may do more in a space than all members of its team, by e-mail address.
func (tx *Tx) SpaceMembers(spaceID string) ([]cloister.SpaceMember, error) {
	return many(tx, scanSpaceMember, spaceMemberSelect+`WHERE s.space_id = $1 ORDER BY u.email`, spaceID)
}

// PutSpaceMember writes what a user may do in a space, in place of what they might before.
func (tx *Tx) PutSpaceMember(m cloister.SpaceMember) error {
	if err := tx.exec(`DELETE FROM space_members WHERE space_id = $1 AND user_id = $2`, m.SpaceID, m.UserID); err != nil {
		return err
	}
	if len(m.Permissions) == 0 {
		return nil
	}
	return tx.exec(`
		INSERT INTO space_members (id, space_id, user_id, permissions, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		m.ID, m.SpaceID, m.UserID, doc(m.Permissions), at(m.CreatedAt), at(m.UpdatedAt))
}

// Bar takes from a user all that they may do with the apps and in the spaces of a team.
func (tx *Tx) Bar(teamID, userID string) error {
	if _, err := tx.deleteCollaborators(`
		user_id = $2 AND app_id IN (SELECT id FROM apps WHERE team_id = $1)`, teamID, userID); err != nil {
		return err
	}
	return tx.exec(`
		DELETE FROM space_members
		WHERE user_id = $2 AND space_id IN (SELECT id FROM spaces WHERE team_id = $1)`, teamID, userID)
}

// TransferSpace gives a space and the apps in it to another team. Whoever is no member of that team loses what they
// might do there, and a wish to destroy it is over: its administrators are others now.
func (tx *Tx) TransferSpace(spaceID, teamID string) error {
	if err := tx.must("space", `UPDATE spaces SET team_id = $1, updated_at = $2 WHERE id = $3`, teamID, at(tx.Now), spaceID); err != nil {
		return err
	}
	apps, err := tx.Apps(AppFilter{Space: spaceID})
	if err != nil {
		return err
	}
	for _, app := range apps {
		next := app
		next.TeamID, next.UpdatedAt = teamID, tx.Now
		if err := put(tx, app.ID, cloister.EntityApp, app.ID, is(app), next); err != nil {
			return err
		}
	}
	if err := tx.exec(`UPDATE apps SET team_id = $1, updated_at = $2 WHERE space_id = $3`, teamID, at(tx.Now), spaceID); err != nil {
		return err
	}
	if _, err := tx.deleteCollaborators(`
		app_id IN (SELECT id FROM apps WHERE space_id = $1)
			AND user_id NOT IN (SELECT user_id FROM members WHERE team_id = $2)`, spaceID, teamID); err != nil {
		return err
	}
	if err := tx.exec(`DELETE FROM destroy_wishes WHERE space_id = $1`, spaceID); err != nil {
		return err
	}
	return tx.exec(`
		DELETE FROM space_members
		WHERE space_id = $1 AND user_id NOT IN (SELECT user_id FROM members WHERE team_id = $2)`, spaceID, teamID)
}
