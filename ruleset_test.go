package cloister_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestParseTrusted(t *testing.T) {
	for _, test := range []struct {
		in   []string
		want []string // nil: refused
	}{
		{nil, []string{}},
		{[]string{"0.0.0.0/0"}, []string{"0.0.0.0/0"}},
		{[]string{"192.0.2.0/24", "10.0.0.0/8"}, []string{"192.0.2.0/24", "10.0.0.0/8"}}, // in the order given
		{[]string{"192.0.2.7"}, []string{"192.0.2.7/32"}},
		{[]string{"2001:db8::1", "2001:db9::/32"}, []string{"2001:db8::1/128", "2001:db9::/32"}},
		{[]string{"0.0.0.0/0", "192.0.2.0/24", "2001:db8::/32"}, []string{"0.0.0.0/0", "192.0.2.0/24", "2001:db8::/32"}}, // how a new space is narrowed
		{[]string{"::/0", "2001:db8::/32"}, []string{"::/0", "2001:db8::/32"}},
		{[]string{"2001:db8::1", "2001:db8::/32"}, nil},
		{[]string{"192.0.2.0/24", "192.0.2.128/25"}, nil},
		{[]string{"192.0.2.7", "192.0.0.0/16"}, nil},
		{[]string{"192.0.2.1/24"}, nil},
		{[]string{"192.0.2.0/33"}, nil},
		{[]string{"192.0.2.0/24", "192.0.2.0/24"}, nil},
		{[]string{"192.0.2.7", "192.0.2.7/32"}, nil},
		{[]string{"::ffff:192.0.2.0/120"}, nil},
		{[]string{"::ffff:192.0.2.7"}, nil},
		{[]string{"fe80::1%eth0"}, nil},
		{[]string{"192.0.2.0/24", "office"}, nil},
		{[]string{""}, nil},
		{[]string{"1.2.3.4", "1.2.3.5", "1.2.3.6", "1.2.3.7"}, nil}, // more than three
	} {
		got, err := cloister.ParseTrusted(test.in, 3)
		if test.want == nil {
			if cloister.KindOf(err) != cloister.Invalid {
				t.Errorf("%q: got %v, %v; want an error of kind invalid", test.in, got, err)
			}
			continue
		}
		var text []string
		for _, p := range got {
			text = append(text, p.String())
		}
		if err != nil || got == nil || !slices.Equal(text, test.want) {
			t.Errorf("%q: got %v, %v", test.in, got, err)
		}
	}
}

func TestOverlapsNameBothRanges(t *testing.T) {
	for _, in := range [][]string{{"192.0.2.0/24", "192.0.2.128/25"}, {"192.0.2.128/25", "192.0.2.0/24"}} {
		_, err := cloister.ParseTrusted(in, 3)
		if want := "Source 192.0.2.128/25 is inside 192.0.2.0/24. Leave 192.0.2.128/25 out, or 192.0.2.0/24 if not all of it is to be trusted."; cloister.MessageOf(err) != want {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestPointless(t *testing.T) {
	for _, test := range []struct {
		in   []string
		want string
	}{
		{[]string{"0.0.0.0/0"}, ""},
		{[]string{"0.0.0.0/0", "::/0"}, ""},
		{[]string{"192.0.2.0/24"}, ""},
		{nil, ""},
		{[]string{"192.0.2.0/24", "0.0.0.0/0"}, "0.0.0.0/0"},
		{[]string{"0.0.0.0/0", "2001:db8::/32"}, "0.0.0.0/0"}, // which stands for everyone
		{[]string{"::/0", "192.0.2.0/24"}, ""},
		{[]string{"::/0", "2001:db8::/32"}, "::/0"},
	} {
		ranges, err := cloister.ParseTrusted(test.in, 3)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := cloister.Pointless(ranges)
		if ok != (test.want != "") || ok && got.String() != test.want {
			t.Errorf("%q: %v, %v", test.in, got, ok)
		}
	}
}

func TestTrusts(t *testing.T) {
	for _, test := range []struct {
		ranges []string
		addr   string
		want   bool
	}{
		{[]string{"192.0.2.0/24"}, "192.0.2.255", true},
		{[]string{"192.0.2.0/24"}, "192.0.3.0", false},
		{[]string{"192.0.2.0/24"}, "::ffff:192.0.2.1", true}, // an IPv4 client on an IPv6 socket
		{[]string{"192.0.2.0/24"}, "::ffff:192.0.3.1", false},
		{[]string{"192.0.2.0/24"}, "::c000:201", false}, // an IPv6 address that only looks like it
		{[]string{"192.0.2.7/32"}, "192.0.2.7", true},
		{[]string{"192.0.2.7/32"}, "192.0.2.8", false},
		{[]string{"2001:db8::/32"}, "2001:db8::1", true},
		{[]string{"2001:db8::/32"}, "2001:db9::1", false},
		{[]string{"fe80::/10"}, "fe80::1%eth0", true},
		{[]string{"::/0"}, "2001:db8::1", true},
		{[]string{"::/0"}, "192.0.2.1", false},
		{[]string{"::/0"}, "::ffff:192.0.2.1", false},
		{[]string{"0.0.0.0/0"}, "192.0.2.1", true},
		{[]string{"0.0.0.0/0"}, "2001:db8::1", true}, // everyone is everyone
		{[]string{"198.51.100.0/24", "0.0.0.0/0"}, "::1", true},
		{[]string{"0.0.0.0/1"}, "2001:db8::1", false},
		{nil, "192.0.2.1", false},
		{nil, "127.0.0.1", false},
	} {
		var ranges []netip.Prefix
		for _, r := range test.ranges {
			ranges = append(ranges, netip.MustParsePrefix(r))
		}
		if got := cloister.Trusts(ranges, netip.MustParseAddr(test.addr)); got != test.want {
			t.Errorf("%v trusts %s: %v", test.ranges, test.addr, got)
		}
	}
	if cloister.Trusts([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, netip.Addr{}) {
		t.Error("a client without an address is trusted")
	}
	if !cloister.Trusts(cloister.Everyone(), netip.MustParseAddr("2001:db8::1")) {
		t.Error("everyone is not everyone")
	}
}
