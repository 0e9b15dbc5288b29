package store

import "github.com/cloister-dev/cloister"

// A setLimit is a row of limits.
type setLimit struct {
	name  cloister.LimitName
	value int
}

func scanLimit(_ *Tx, r row) (l setLimit, err error) { return l, r.Scan(&l.name, &l.value) }

// Limits is the limits that were set for a space.
func (tx *Tx) Limits(spaceID string) (cloister.SpaceLimits, error) {
	rows, err := many(tx, scanLimit, `SELECT name, value FROM limits WHERE space_id = $1`, spaceID)
	out := cloister.SpaceLimits{}
	for _, l := range rows {
		out[l.name] = l.value
	}
	return out, err
}

// SetLimit sets a limit of a space.
func (tx *Tx) SetLimit(spaceID string, name cloister.LimitName, value int) error {
	return tx.exec(`
		INSERT INTO limits (space_id, name, value)
		VALUES ($1, $2, $3)
		ON CONFLICT (space_id, name) DO UPDATE
		SET value = $3`, spaceID, string(name), value)
}

// DeleteLimit gives a limit of a space its default again.
func (tx *Tx) DeleteLimit(spaceID string, name cloister.LimitName) error {
	return tx.exec(`DELETE FROM limits WHERE space_id = $1 AND name = $2`, spaceID, string(name))
}
