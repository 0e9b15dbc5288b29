package store

import (
	"time"

	"github.com/cloister-dev/cloister"
)

func scanErrorCount(_ *Tx, r row) (c cloister.ErrorCount, err error) {
	err = r.Scan(&c.AppID, &c.Type, &c.Code, when{&c.Hour}, &c.Count)
	return c, err
}

// ErrorCounts lists the errors of an app in the hours from one until, and without, another, the earliest hour first.
func (tx *Tx) ErrorCounts(appID string, from, until time.Time) ([]cloister.ErrorCount, error) {
	return many(tx, scanErrorCount, `
		SELECT app_id, type, code, hour, count
		FROM error_counts
		WHERE app_id = $1 AND hour >= $2 AND hour < $3
		ORDER BY hour, type, code`, appID, at(from), at(until))
}

// AddErrorCount counts errors of an hour in. Those of an app that is gone are forgotten.
func (tx *Tx) AddErrorCount(c cloister.ErrorCount) error {
	return tx.exec(`
		INSERT INTO error_counts (app_id, type, code, hour, count)
		SELECT id, $2, $3, $4, $5 FROM apps WHERE id = $1
		ON CONFLICT (app_id, hour, type, code) DO UPDATE
		SET count = error_counts.count + $5`,
		c.AppID, c.Type, c.Code, at(c.Hour), c.Count)
}

// ForgetErrorCounts removes what is older.
func (tx *Tx) ForgetErrorCounts(before time.Time) error {
	return tx.exec(`DELETE FROM error_counts WHERE hour < $1`, at(before))
}
