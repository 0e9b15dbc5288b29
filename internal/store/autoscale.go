package store

import (
	"time"

	"github.com/cloister-dev/cloister"
)

const autoscaleColumns = `id, app_id, type, active, min, max, latency_ms, cpu, scaled_at, created_at, updated_at`

func scanAutoscale(_ *Tx, r row) (a cloister.Autoscale, err error) {
	var ms int64
	err = r.Scan(&a.ID, &a.AppID, &a.Type, &a.Active, &a.Min, &a.Max, &ms, &a.CPU, when{&a.ScaledAt}, when{&a.CreatedAt}, when{&a.UpdatedAt})
	a.Latency = time.Duration(ms) * time.Millisecond
	return a, err
}

// Autoscales lists what is scaled by itself of an app, or was, by process type.
func (tx *Tx) Autoscales(appID string) ([]cloister.Autoscale, error) {
	return many(tx, scanAutoscale, `SELECT `+autoscaleColumns+` FROM autoscales WHERE app_id = $1 ORDER BY type`, appID)
}

// Autoscale finds one by its id.
func (tx *Tx) Autoscale(id string) (cloister.Autoscale, error) {
	return one(tx, "autoscale", scanAutoscale, `SELECT `+autoscaleColumns+` FROM autoscales WHERE id = $1`, id)
}

// PutAutoscale adds one, or writes the one there is of its app and process type, which keeps its id.
func (tx *Tx) PutAutoscale(a cloister.Autoscale) error {
	return tx.exec(`
		INSERT INTO autoscales (`+autoscaleColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (app_id, type) DO UPDATE
		SET active = $4, min = $5, max = $6, latency_ms = $7, cpu = $8, scaled_at = $9, updated_at = $11`,
		a.ID, a.AppID, a.Type, a.Active, a.Min, a.Max, a.Latency.Milliseconds(), a.CPU, at(a.ScaledAt), at(a.CreatedAt), at(a.UpdatedAt))
}
