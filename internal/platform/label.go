package platform

import (
	"context"
	"net/netip"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// TrustedLabels is what people call the trusted ranges of a space: those of them that have a label.
func (p *Platform) TrustedLabels(ctx context.Context, a cloister.Actor, space string) (out map[netip.Prefix]string, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		s, err := p.space(tx, a, space, viewSpace)
		if err != nil {
			return err
		}
		out, err = tx.RangeLabels(s.ID)
		return err
	})
	return out, err
}

// LabelTrusted gives a trusted range of a space a label, for people alone; "" takes it away. A range that is removed loses its
// label. Team admins only.
func (p *Platform) LabelTrusted(ctx context.Context, a cloister.Actor, space, source, label string) error {
	label, err := cloister.ParseLabel(label)
	if err != nil {
		return err
	}
	ranges, err := cloister.ParseTrusted([]string{source}, 1)
	if err != nil {
		return err
	}
	return p.update(ctx, a, func(tx *store.Tx) error {
		s, err := p.space(tx, a, space, manageSpace)
		if err != nil {
			return err
		}
		now, err := tx.Ruleset(s.ID)
		if err != nil {
			return err
		}
		if !slices.Contains(now.Sources, ranges[0]) {
			return cloister.Errorf(cloister.Invalid, "%s is no trusted range of %s. Add it first.", ranges[0], s.Name)
		}
		labels, err := tx.RangeLabels(s.ID)
		if err != nil || labels[ranges[0]] == label {
			return err
		}
		if err := tx.SetRangeLabel(s.ID, ranges[0], label); err != nil {
			return err
		}
		return tx.Changed("trusted_ip", s.ID, "label", s.Name+" "+ranges[0].String(), map[string]string{"label": labels[ranges[0]]}, map[string]string{"label": label})
	})
}

// unlabel takes the labels of ranges that are trusted no longer.
func unlabel(tx *store.Tx, space string, ranges []netip.Prefix) error {
	labels, err := tx.RangeLabels(space)
	if err != nil {
		return err
	}
	for source := range labels {
		if slices.Contains(ranges, source) {
			continue
		}
		if err := tx.SetRangeLabel(space, source, ""); err != nil {
			return err
		}
	}
	return nil
}
