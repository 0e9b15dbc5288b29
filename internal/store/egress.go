package store

import "github.com/cloister-dev/cloister"

const egressColumns = `id, space_id, rules, created_by, created_at, applied`

func scanEgress(_ *Tx, r row) (s cloister.EgressRuleset, err error) {
	err = r.Scan(&s.ID, &s.SpaceID, document{&s.Rules}, &s.CreatedBy, when{&s.CreatedAt}, &s.Applied)
	return s, err
}

// EgressRuleset is the newest version of the rules of a space's way out.
func (tx *Tx) EgressRuleset(spaceID string) (cloister.EgressRuleset, error) {
	return one(tx, "outbound ruleset", scanEgress, `
		SELECT `+egressColumns+`
		FROM egress_rulesets
		WHERE space_id = $1
		ORDER BY seq DESC
		LIMIT 1`, spaceID)
}

// EgressRulesets is the whole history of the rules of a space's way out, newest first.
func (tx *Tx) EgressRulesets(spaceID string) ([]cloister.EgressRuleset, error) {
	return many(tx, scanEgress, `SELECT `+egressColumns+` FROM egress_rulesets WHERE space_id = $1 ORDER BY seq DESC`, spaceID)
}

// InsertEgressRuleset adds a version, which becomes the newest.
func (tx *Tx) InsertEgressRuleset(s cloister.EgressRuleset) error {
	return tx.exec(`
		INSERT INTO egress_rulesets (id, space_id, seq, rules, created_by, created_at, applied)
		VALUES ($1, $2, (SELECT COALESCE(MAX(seq), 0) + 1 FROM egress_rulesets WHERE space_id = $2), $3, $4, $5, $6)`,
		s.ID, s.SpaceID, doc(s.Rules), s.CreatedBy, at(s.CreatedAt), s.Applied)
}

// SetEgressApplied records that a version is in force.
func (tx *Tx) SetEgressApplied(id string) error {
	return tx.must("outbound ruleset", `UPDATE egress_rulesets SET applied = $1 WHERE id = $2`, true, id)
}
