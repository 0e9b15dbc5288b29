package store_test

import (
	"net/netip"
	"testing"

	"github.com/cloister-dev/cloister/internal/store"
)

func TestTrustedRangesHaveLabels(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		office, home := netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/48")
		for _, set := range []struct {
			source netip.Prefix
			label  string
			want   map[netip.Prefix]string
		}{
			{office, "Office", map[netip.Prefix]string{office: "Office"}},
			{home, "Ada's home", map[netip.Prefix]string{office: "Office", home: "Ada's home"}},
			{office, "The office", map[netip.Prefix]string{office: "The office", home: "Ada's home"}},
			{home, "", map[netip.Prefix]string{office: "The office"}},
			{home, "", map[netip.Prefix]string{office: "The office"}},
		} {
			update(t, s, func(tx *store.Tx) error { return tx.SetRangeLabel(x.space.ID, set.source, set.label) })
			same(t, read(t, s, func(tx *store.Tx) (map[netip.Prefix]string, error) { return tx.RangeLabels(x.space.ID) }), set.want)
		}
	})
}
