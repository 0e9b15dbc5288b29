package store

import (
	"net/netip"
	"time"

	"github.com/cloister-dev/cloister"
)

const teamColumns = `id, name, created_at, updated_at, suspended_at, trusted`

func scanTeam(_ *Tx, r row) (t cloister.Team, err error) {
	err = r.Scan(&t.ID, &t.Name, when{&t.CreatedAt}, when{&t.UpdatedAt}, when{&t.SuspendedAt}, document{&t.Trusted})
	return t, err
}

// Team finds a team by id or name.
func (tx *Tx) Team(ref string) (cloister.Team, error) {
	return one(tx, "team", scanTeam, `SELECT `+teamColumns+` FROM teams WHERE id = $1 OR name = $1`, ref)
}

// Teams lists all teams by name.
func (tx *Tx) Teams() ([]cloister.Team, error) {
	return many(tx, scanTeam, `SELECT `+teamColumns+` FROM teams ORDER BY name`)
}

// TeamsOf lists the teams that a user is a member of, by name.
func (tx *Tx) TeamsOf(userID string) ([]cloister.Team, error) {
	return many(tx, scanTeam, `
		SELECT `+teamColumns+`
		FROM teams
		WHERE id IN (SELECT team_id FROM members WHERE user_id = $1)
		ORDER BY name`, userID)
}

// InsertTeam adds a team; a second one with the same name is a Conflict.
func (tx *Tx) InsertTeam(t cloister.Team) error {
	return tx.exec(`INSERT INTO teams (`+teamColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`, t.ID, t.Name, at(t.CreatedAt), at(t.UpdatedAt), at(t.SuspendedAt), doc(t.Trusted))
}

// RenameTeam gives a team another name; one in use is a Conflict.
func (tx *Tx) RenameTeam(id, name string) error {
	return tx.must("team", `UPDATE teams SET name = $1, updated_at = $2 WHERE id = $3`, name, at(tx.Now), id)
}

// SuspendTeam holds a team as it is since a time; the zero time lets it go on.
func (tx *Tx) SuspendTeam(id string, since time.Time) error {
	return tx.must("team", `UPDATE teams SET suspended_at = $1, updated_at = $2 WHERE id = $3`, at(since), at(tx.Now), id)
}

// SetTeamTrusted writes from where a team's people may use it.
func (tx *Tx) SetTeamTrusted(id string, ranges []netip.Prefix) error {
	return tx.must("team", `UPDATE teams SET trusted = $1, updated_at = $2 WHERE id = $3`, doc(ranges), at(tx.Now), id)
}

// ClosedTeams lists the teams that are not used from everywhere.
func (tx *Tx) ClosedTeams() ([]cloister.Team, error) {
	return many(tx, scanTeam, `SELECT `+teamColumns+` FROM teams WHERE trusted NOT IN ('[]', 'null')`)
}

// DeleteTeam removes a team; one with spaces is a Conflict.
func (tx *Tx) DeleteTeam(id string) error {
	return tx.must("team", `DELETE FROM teams WHERE id = $1`, id)
}

const memberSelect = `
	SELECT m.id, m.team_id, m.user_id, u.email, m.role, m.created_at, m.updated_at
	FROM members m JOIN users u ON u.id = m.user_id `

func scanMember(_ *Tx, r row) (m cloister.Member, err error) {
	err = r.Scan(&m.ID, &m.TeamID, &m.UserID, &m.Email, &m.Role, when{&m.CreatedAt}, when{&m.UpdatedAt})
	return m, err
}

// Member finds a user's place in a team.
func (tx *Tx) Member(teamID, userID string) (cloister.Member, error) {
	return one(tx, "member", scanMember, memberSelect+`WHERE m.team_id = $1 AND m.user_id = $2`, teamID, userID)
}

// Mates reports whether two users are members of the same team.
func (tx *Tx) Mates(userID, otherID string) (bool, error) {
	n, err := one(tx, "user", value[int], `
		SELECT COUNT(*) FROM members a JOIN members b ON b.team_id = a.team_id WHERE a.user_id = $1 AND b.user_id = $2`, userID, otherID)
	return n > 0, err
}

// Members lists the members of a team by e-mail address.
func (tx *Tx) Members(teamID string) ([]cloister.Member, error) {
	return many(tx, scanMember, memberSelect+`WHERE m.team_id = $1 ORDER BY u.email`, teamID)
}

// InsertMember adds a user to a team; a second time is a Conflict.
func (tx *Tx) InsertMember(m cloister.Member) error {
	return tx.exec(`
		INSERT INTO members (id, team_id, user_id, role, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		m.ID, m.TeamID, m.UserID, string(m.Role), at(m.CreatedAt), at(m.UpdatedAt))
}

// SetRole writes a member's role.
func (tx *Tx) SetRole(id string, role cloister.Role) error {
	return tx.must("member", `UPDATE members SET role = $1, updated_at = $2 WHERE id = $3`, string(role), at(tx.Now), id)
}

// DeleteMember takes a member out of their team.
func (tx *Tx) DeleteMember(id string) error {
	return tx.must("member", `DELETE FROM members WHERE id = $1`, id)
}
