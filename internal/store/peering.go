package store

import (
	"time"

	"github.com/cloister-dev/cloister"
)

const peeringColumns = `id, space_id, peer_id, network, space_blocks, peer_blocks, created_by, expires_at, state, message,
	ready, other, created_at, updated_at`

func scanPeering(_ *Tx, r row) (p cloister.Peering, err error) {
	err = r.Scan(&p.ID, &p.SpaceID, &p.PeerID, &p.Network, document{&p.SpaceBlocks}, document{&p.PeerBlocks}, &p.CreatedBy,
		when{&p.ExpiresAt}, &p.State, &p.Message, &p.Ready, &p.Other, when{&p.CreatedAt}, when{&p.UpdatedAt})
	return p, err
}

// Peering finds a peering by its id.
func (tx *Tx) Peering(id string) (cloister.Peering, error) {
	return one(tx, "peering", scanPeering, `SELECT `+peeringColumns+` FROM peerings WHERE id = $1`, id)
}

// Peerings lists the peerings of a space, of whichever side, the oldest first.
func (tx *Tx) Peerings(spaceID string) ([]cloister.Peering, error) {
	return many(tx, scanPeering, `
		SELECT `+peeringColumns+`
		FROM peerings
		WHERE space_id = $1 OR peer_id = $1
		ORDER BY created_at, id`, spaceID)
}

// InsertPeering adds a peering; a second one of the same two sides is a Conflict unless the first has ended.
func (tx *Tx) InsertPeering(p cloister.Peering) error {
	return tx.exec(`
		INSERT INTO peerings (`+peeringColumns+`, pair)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		p.ID, p.SpaceID, p.PeerID, p.Network, doc(p.SpaceBlocks), doc(p.PeerBlocks), p.CreatedBy, at(p.ExpiresAt),
		string(p.State), p.Message, p.Ready, p.Other, at(p.CreatedAt), at(p.UpdatedAt), pair(p))
}

// SetPeering writes how far a peering is.
func (tx *Tx) SetPeering(p cloister.Peering) error {
	return tx.must("peering", `
		UPDATE peerings
		SET state = $1, message = $2, ready = $3, other = $4, pair = $5, updated_at = $6
		WHERE id = $7`,
		string(p.State), p.Message, p.Ready, p.Other, pair(p), at(tx.Now), p.ID)
}

// DeletePeering forgets a peering.
func (tx *Tx) DeletePeering(id string) error {
	return tx.must("peering", `DELETE FROM peerings WHERE id = $1`, id)
}

// ForgetPeerings removes those of a space that ended before.
func (tx *Tx) ForgetPeerings(spaceID string, before time.Time) error {
	return tx.exec(`DELETE FROM peerings WHERE (space_id = $1 OR peer_id = $1) AND pair = id AND updated_at < $2`, spaceID, at(before))
}

// pair is what only one peering may have: both sides, whoever asked. One that has ended is in nobody's way.
func pair(p cloister.Peering) string {
	a, b := p.SpaceID, p.PeerID
	switch {
	case p.State.Ended():
		return p.ID
	case p.Network != "":
		b = "network " + p.Network
	case b < a:
		a, b = b, a
	}
	return a + " " + b
}
