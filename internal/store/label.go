package store

import "net/netip"

// RangeLabels is what people call the trusted ranges of a space: those of them that have a label.
func (tx *Tx) RangeLabels(spaceID string) (map[netip.Prefix]string, error) {
	type pair struct{ source, label string }
	all, err := many(tx, func(_ *Tx, r row) (p pair, err error) {
		err = r.Scan(&p.source, &p.label)
		return p, err
	}, `SELECT source, label FROM range_labels WHERE space_id = $1`, spaceID)
	if err != nil {
		return nil, err
	}
	out := map[netip.Prefix]string{}
	for _, p := range all {
		source, err := netip.ParsePrefix(p.source)
		if err != nil {
			return nil, err
		}
		out[source] = p.label
	}
	return out, nil
}

// SetRangeLabel gives a trusted range of a space a label, in place of the one it has; "" takes it away.
func (tx *Tx) SetRangeLabel(spaceID string, source netip.Prefix, label string) error {
	if label == "" {
		return tx.exec(`DELETE FROM range_labels WHERE space_id = $1 AND source = $2`, spaceID, source.String())
	}
	return tx.exec(`
		INSERT INTO range_labels (space_id, source, label) VALUES ($1, $2, $3)
		ON CONFLICT (space_id, source) DO UPDATE SET label = excluded.label`, spaceID, source.String(), label)
}
