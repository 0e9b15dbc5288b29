package store

import "github.com/cloister-dev/cloister"

const invitationSelect = `
	SELECT i.id, i.team_id, t.name, i.email, i.role, i.hash, i.inviter_id, u.email, i.expires_at, i.created_at
	FROM invitations i JOIN teams t ON t.id = i.team_id JOIN users u ON u.id = i.inviter_id `

func scanInvitation(_ *Tx, r row) (i cloister.Invitation, err error) {
	err = r.Scan(&i.ID, &i.TeamID, &i.TeamName, &i.Email, &i.Role, &i.Hash, &i.InviterID, &i.InviterName, when{&i.ExpiresAt}, when{&i.CreatedAt})
	return i, err
}

// Invitations lists the invitations of a team that are not over, by e-mail address.
func (tx *Tx) Invitations(teamID string) ([]cloister.Invitation, error) {
	return many(tx, scanInvitation, invitationSelect+`WHERE i.team_id = $1 AND i.expires_at > $2 ORDER BY i.email`, teamID, at(tx.Now))
}

// InvitationByHash finds an invitation by the hash of its token.
func (tx *Tx) InvitationByHash(hash string) (cloister.Invitation, error) {
	return one(tx, "invitation", scanInvitation, invitationSelect+`WHERE i.hash = $1`, hash)
}

// InsertInvitation adds an invitation, in place of another one of the same person to the same team.
func (tx *Tx) InsertInvitation(i cloister.Invitation) error {
	if err := tx.exec(`DELETE FROM invitations WHERE team_id = $1 AND email = $2`, i.TeamID, i.Email); err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO invitations (id, team_id, email, role, hash, inviter_id, expires_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		i.ID, i.TeamID, i.Email, string(i.Role), i.Hash, i.InviterID, at(i.ExpiresAt), at(i.CreatedAt))
}

// DeleteInvitation takes an invitation back, or ends one that was accepted.
func (tx *Tx) DeleteInvitation(id string) error {
	return tx.must("invitation", `DELETE FROM invitations WHERE id = $1`, id)
}
