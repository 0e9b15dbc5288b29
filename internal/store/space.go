package store

import (
	"net/netip"

	"github.com/cloister-dev/cloister"
)

const spaceColumns = `id, name, team_id, region, shield, cidr, data_cidr, outbound, ingress, state, created_at, updated_at`

func scanSpace(_ *Tx, r row) (s cloister.Space, err error) {
	err = r.Scan(&s.ID, &s.Name, &s.TeamID, &s.Region, &s.Shield, text{&s.CIDR}, text{&s.DataCIDR},
		document{&s.Outbound}, document{&s.Ingress}, &s.State, when{&s.CreatedAt}, when{&s.UpdatedAt})
	return s, err
}

// Space finds a space by id or name.
func (tx *Tx) Space(ref string) (cloister.Space, error) {
	return one(tx, "space", scanSpace, `SELECT `+spaceColumns+` FROM spaces WHERE id = $1 OR name = $1`, ref)
}

// Spaces lists all spaces by name.
func (tx *Tx) Spaces() ([]cloister.Space, error) {
	return many(tx, scanSpace, `SELECT `+spaceColumns+` FROM spaces ORDER BY name`)
}

// InsertSpace adds a space and takes its outbound and ingress addresses; a name or address in use is a Conflict.
func (tx *Tx) InsertSpace(s cloister.Space) error {
	if err := tx.exec(`
		INSERT INTO spaces (`+spaceColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		s.ID, s.Name, s.TeamID, s.Region, s.Shield, s.CIDR.String(), s.DataCIDR.String(), doc(s.Outbound),
		doc(s.Ingress), string(s.State), at(s.CreatedAt), at(s.UpdatedAt)); err != nil {
		return err
	}
	for _, a := range s.Outbound {
		if err := tx.exec(`INSERT INTO outbound (address, space_id) VALUES ($1, $2)`, a.String(), s.ID); err != nil {
			return err
		}
	}
	return tx.takeIngress(s.ID, s.Ingress)
}

// SetIngress gives a space its ingress addresses; one in use by another is a Conflict.
func (tx *Tx) SetIngress(id string, addrs []netip.Addr) error {
	if err := tx.must("space", `UPDATE spaces SET ingress = $1, updated_at = $2 WHERE id = $3`, doc(addrs), at(tx.Now), id); err != nil {
		return err
	}
	if err := tx.exec(`DELETE FROM ingress WHERE space_id = $1`, id); err != nil {
		return err
	}
	return tx.takeIngress(id, addrs)
}

func (tx *Tx) takeIngress(id string, addrs []netip.Addr) error {
	for _, a := range addrs {
		if err := tx.exec(`INSERT INTO ingress (address, space_id) VALUES ($1, $2)`, a.String(), id); err != nil {
			return err
		}
	}
	return nil
}

// RenameSpace gives a space another name.
func (tx *Tx) RenameSpace(id, name string) error {
	return tx.must("space", `UPDATE spaces SET name = $1, updated_at = $2 WHERE id = $3`, name, at(tx.Now), id)
}

// SetSpaceState writes how far a space is.
func (tx *Tx) SetSpaceState(id string, state cloister.SpaceState) error {
	return tx.must("space", `UPDATE spaces SET state = $1, updated_at = $2 WHERE id = $3`, string(state), at(tx.Now), id)
}

// HideSpace frees the name of a space that is being deleted, so that nobody finds it by it and it can be used again.
func (tx *Tx) HideSpace(id string) error {
	return tx.must("space", `UPDATE spaces SET name = id WHERE id = $1`, id)
}

// DeleteSpace removes a space and frees its addresses; one with apps in it is a Conflict. Its peerings stay, for their
// other sides to see, as long as there is one.
func (tx *Tx) DeleteSpace(id string) error {
	if err := tx.must("space", `DELETE FROM spaces WHERE id = $1`, id); err != nil {
		return err
	}
	return tx.exec(`
		DELETE FROM peerings
		WHERE (space_id = $1 OR peer_id = $1)
			AND space_id NOT IN (SELECT id FROM spaces)
			AND peer_id NOT IN (SELECT id FROM spaces)`, id)
}

// OutboundInUse is the set of outbound addresses that belong to spaces.
func (tx *Tx) OutboundInUse() (map[netip.Addr]bool, error) {
	return tx.inUse(`SELECT address FROM outbound`)
}

// IngressInUse is the set of ingress addresses that belong to spaces.
func (tx *Tx) IngressInUse() (map[netip.Addr]bool, error) {
	return tx.inUse(`SELECT address FROM ingress`)
}

func (tx *Tx) inUse(query string) (map[netip.Addr]bool, error) {
	rows, err := many(tx, value[string], query)
	if err != nil {
		return nil, err
	}
	used := make(map[netip.Addr]bool, len(rows))
	for _, s := range rows {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, err
		}
		used[a] = true
	}
	return used, nil
}

const rulesetColumns = `id, space_id, sources, created_by, created_at, applied`

func scanRuleset(_ *Tx, r row) (s cloister.Ruleset, err error) {
	err = r.Scan(&s.ID, &s.SpaceID, document{&s.Sources}, &s.CreatedBy, when{&s.CreatedAt}, &s.Applied)
	return s, err
}

// Ruleset is the newest version of a space's trusted ranges.
func (tx *Tx) Ruleset(spaceID string) (cloister.Ruleset, error) {
	return one(tx, "inbound ruleset", scanRuleset, `
		SELECT `+rulesetColumns+`
		FROM rulesets
		WHERE space_id = $1
		ORDER BY seq DESC
		LIMIT 1`, spaceID)
}

// NewestRulesets is the newest version of the trusted ranges of each space.
func (tx *Tx) NewestRulesets() ([]cloister.Ruleset, error) {
	return many(tx, scanRuleset, `
		SELECT `+rulesetColumns+`
		FROM rulesets r
		WHERE seq = (SELECT MAX(seq) FROM rulesets WHERE space_id = r.space_id)
		ORDER BY space_id`)
}

// Rulesets is the whole history of a space's trusted ranges, newest first.
func (tx *Tx) Rulesets(spaceID string) ([]cloister.Ruleset, error) {
	return many(tx, scanRuleset, `SELECT `+rulesetColumns+` FROM rulesets WHERE space_id = $1 ORDER BY seq DESC`, spaceID)
}

// InsertRuleset adds a version, which becomes the newest.
func (tx *Tx) InsertRuleset(s cloister.Ruleset) error {
	return tx.exec(`
		INSERT INTO rulesets (id, space_id, seq, sources, created_by, created_at, applied)
		VALUES ($1, $2, (SELECT COALESCE(MAX(seq), 0) + 1 FROM rulesets WHERE space_id = $2), $3, $4, $5, $6)`,
		s.ID, s.SpaceID, doc(s.Sources), s.CreatedBy, at(s.CreatedAt), s.Applied)
}

// SetRulesetApplied records that a version is in force.
func (tx *Tx) SetRulesetApplied(id string) error {
	return tx.must("inbound ruleset", `UPDATE rulesets SET applied = $1 WHERE id = $2`, true, id)
}

// DestroyWish finds who has asked for a space to be destroyed.
func (tx *Tx) DestroyWish(spaceID string) (cloister.DestroyWish, error) {
	return one(tx, "wish", func(_ *Tx, r row) (w cloister.DestroyWish, err error) {
		err = r.Scan(&w.SpaceID, &w.UserID, &w.Email, when{&w.At})
		return w, err
	}, `SELECT w.space_id, w.user_id, u.email, w.asked_at FROM destroy_wishes w JOIN users u ON u.id = w.user_id WHERE w.space_id = $1`, spaceID)
}

// PutDestroyWish records who asks for a space to be destroyed, in place of who did before.
func (tx *Tx) PutDestroyWish(w cloister.DestroyWish) error {
	return tx.exec(`
		INSERT INTO destroy_wishes (space_id, user_id, asked_at) VALUES ($1, $2, $3)
		ON CONFLICT (space_id) DO UPDATE SET user_id = excluded.user_id, asked_at = excluded.asked_at`, w.SpaceID, w.UserID, at(w.At))
}
