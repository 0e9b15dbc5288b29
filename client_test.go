package cloister_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestASetOfRangesCutsOffWhomItDoesNotTrust(t *testing.T) {
	clients := []cloister.Client{
		{Address: netip.MustParseAddr("192.0.2.1")}, {Address: netip.MustParseAddr("::ffff:192.0.2.2")},
		{Address: netip.MustParseAddr("198.51.100.1")}, {Address: netip.MustParseAddr("2001:db8::1")},
	}
	for _, c := range []struct {
		name   string
		ranges []string
		cut    []int
	}{
		{"nobody is trusted", nil, []int{0, 1, 2, 3}},
		{"everyone", []string{"0.0.0.0/0"}, nil},
		{"IPv4, also as it looks on an IPv6 socket", []string{"192.0.2.0/24"}, []int{2, 3}},
		{"IPv6", []string{"2001:db8::/32"}, []int{0, 1, 2}},
		{"all of IPv6", []string{"::/0"}, []int{0, 1, 2}},
		{"both", []string{"192.0.2.1/32", "2001:db8::1/128"}, []int{1, 2}},
	} {
		var ranges []netip.Prefix
		for _, r := range c.ranges {
			ranges = append(ranges, netip.MustParsePrefix(r))
		}
		var want []cloister.Client
		for _, i := range c.cut {
			want = append(want, clients[i])
		}
		if got := cloister.CutOff(clients, ranges); !slices.Equal(got, want) {
			t.Errorf("%s: cut off %v, want %v", c.name, got, want)
		}
	}
}
