package store

import (
	"time"

	"github.com/cloister-dev/cloister"
)

func scanZone(_ *Tx, r row) (z cloister.Zone, err error) {
	err = r.Scan(&z.Name, when{&z.FailedAt}, &z.FailedBy, &z.Healthy, when{&z.SeenAt})
	return z, err
}

// Zones lists the zones by name.
func (tx *Tx) Zones() ([]cloister.Zone, error) {
	return many(tx, scanZone, `SELECT name, failed_at, failed_by, healthy, seen_at FROM zones ORDER BY name`)
}

// DeclareZone writes that an operator has declared a zone failed, or with a zero time that nobody has.
func (tx *Tx) DeclareZone(name string, failed time.Time, by string) error {
	return tx.must("zone", `UPDATE zones SET failed_at = $1, failed_by = $2 WHERE name = $3`, at(failed), by, name)
}

// ObserveZone writes whether a zone is healthy, and leaves what an operator has declared. A new one is added.
func (tx *Tx) ObserveZone(name string, healthy bool) error {
	return tx.exec(`
		INSERT INTO zones (name, failed_at, failed_by, healthy, seen_at)
		VALUES ($1, NULL, '', $2, $3)
		ON CONFLICT (name) DO UPDATE
		SET seen_at = CASE WHEN zones.healthy = $2 THEN zones.seen_at ELSE $3 END, healthy = $2`,
		name, healthy, at(tx.Now))
}

// DeleteZone removes a zone that the engine has no more.
func (tx *Tx) DeleteZone(name string) error {
	return tx.exec(`DELETE FROM zones WHERE name = $1`, name)
}

// A ZoneCount is how many dynos are in a zone.
type ZoneCount struct {
	Zone  string
	Dynos int
}

func scanZoneCount(_ *Tx, r row) (c ZoneCount, err error) {
	err = r.Scan(&c.Zone, &c.Dynos)
	return c, err
}

// CountZones counts the dynos in each zone that has any, without those on their way out.
func (tx *Tx) CountZones() ([]ZoneCount, error) {
	return many(tx, scanZoneCount, `SELECT zone, COUNT(*) FROM dynos WHERE retire_at IS NULL GROUP BY zone ORDER BY zone`)
}
