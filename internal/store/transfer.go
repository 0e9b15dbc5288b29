package store

import "github.com/cloister-dev/cloister"

const transferColumns = `id, app_id, addon_id, num, kind, from_name, to_name, source, last, canceled, expires_at, started_at, finished_at, succeeded, bytes, logs, created_at, updated_at`

func scanTransfer(tx *Tx, r row) (t cloister.Transfer, err error) {
	sealed := map[string]cloister.Secret{}
	err = r.Scan(&t.ID, &t.AppID, &t.AddonID, &t.Num, &t.Kind, &t.FromName, &t.ToName, unsealed{tx, &sealed}, &t.Last, &t.Canceled, when{&t.ExpiresAt},
		when{&t.StartedAt}, when{&t.FinishedAt}, &t.Succeeded, &t.Bytes, document{&t.Logs}, when{&t.CreatedAt}, when{&t.UpdatedAt})
	t.Source = sealed["source"]
	return t, err
}

// Transfer finds a transfer by id.
func (tx *Tx) Transfer(id string) (cloister.Transfer, error) {
	return one(tx, "transfer", scanTransfer, `SELECT `+transferColumns+` FROM transfers WHERE id = $1`, id)
}

// Transfers lists the transfers of an app, the oldest first.
func (tx *Tx) Transfers(appID string) ([]cloister.Transfer, error) {
	return many(tx, scanTransfer, `SELECT `+transferColumns+` FROM transfers WHERE app_id = $1 ORDER BY num`, appID)
}

// TransfersOf lists the transfers of a database, the oldest first.
func (tx *Tx) TransfersOf(addonID string) ([]cloister.Transfer, error) {
	return many(tx, scanTransfer, `SELECT `+transferColumns+` FROM transfers WHERE addon_id = $1 ORDER BY num`, addonID)
}

// InsertTransfer adds a transfer, gives it the next number of its app, and has control begin with it.
func (tx *Tx) InsertTransfer(t cloister.Transfer) (cloister.Transfer, error) {
	last, err := one(tx, "app", value[int], `SELECT COALESCE(MAX(num), 0) FROM transfers WHERE app_id = $1`, t.AppID)
	if err != nil {
		return t, err
	}
	t.Num, t.CreatedAt, t.UpdatedAt = last+1, tx.Now, tx.Now
	if err := tx.exec(`
		INSERT INTO transfers (`+transferColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		t.ID, t.AppID, t.AddonID, t.Num, string(t.Kind), t.FromName, t.ToName, tx.sealed(map[string]cloister.Secret{"source": t.Source}), t.Last, t.Canceled,
		at(t.ExpiresAt), at(t.StartedAt), at(t.FinishedAt), t.Succeeded, t.Bytes, doc(t.Logs), at(t.CreatedAt), at(t.UpdatedAt)); err != nil {
		return t, err
	}
	return t, tx.Touch("transfer", t.ID)
}

// CancelTransfer asks control to end a transfer.
func (tx *Tx) CancelTransfer(id string) error {
	if err := tx.must("transfer", `UPDATE transfers SET canceled = $1, updated_at = $2 WHERE id = $3`, true, at(tx.Now), id); err != nil {
		return err
	}
	return tx.Touch("transfer", id)
}

// PutTransfer writes the status of a transfer, if it is still there.
func (tx *Tx) PutTransfer(t cloister.Transfer) error {
	return tx.exec(`UPDATE transfers SET started_at = $1, finished_at = $2, succeeded = $3, bytes = $4, logs = $5, updated_at = $6 WHERE id = $7`,
		at(t.StartedAt), at(t.FinishedAt), t.Succeeded, t.Bytes, doc(t.Logs), at(tx.Now), t.ID)
}

// DeleteTransfer forgets a transfer; control then deletes its file.
func (tx *Tx) DeleteTransfer(id string) error {
	if err := tx.must("transfer", `DELETE FROM transfers WHERE id = $1`, id); err != nil {
		return err
	}
	return tx.Touch("transfer", id)
}
