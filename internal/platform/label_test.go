package platform_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestALabelLivesAsLongAsItsRange(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	set := func(sources ...string) {
		_, _, err := h.SetTrusted(ctx, h.admin, "cellar", sources, nil)
		must(t, err)
	}
	labels := func() map[netip.Prefix]string {
		out, err := h.TrustedLabels(ctx, h.viewer, "cellar")
		must(t, err)
		return out
	}
	set("192.0.2.0/24", "198.51.100.7")
	must(t, h.LabelTrusted(ctx, h.admin, "cellar", "192.0.2.0/24", " The office "))
	must(t, h.LabelTrusted(ctx, h.admin, "cellar", "198.51.100.7", "Ada"))
	office, ada := netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.7/32")
	same(t, labels(), map[netip.Prefix]string{office: "The office", ada: "Ada"})
	set("192.0.2.0/24")
	set("192.0.2.0/24", "198.51.100.7")
	same(t, labels(), map[netip.Prefix]string{office: "The office"})
	for _, bad := range []struct{ source, label string }{
		{"192.0.2.0/24", "two\nlines"}, {"192.0.2.0/24", strings.Repeat("x", cloister.MaxLabel+1)}, {"203.0.113.0/24", "nobody's"}, {"all", "x"},
	} {
		if err := h.LabelTrusted(ctx, h.admin, "cellar", bad.source, bad.label); cloister.KindOf(err) != cloister.Invalid {
			t.Errorf("%q %q: %v", bad.source, bad.label, err)
		}
	}
	must(t, h.LabelTrusted(ctx, h.admin, "cellar", "192.0.2.0/24", ""))
	same(t, labels(), map[netip.Prefix]string{})
}
