package cloister_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

func to(target, protocol string, from, to int) cloister.EgressSpec {
	return cloister.EgressSpec{Target: target, Protocol: protocol, From: from, To: to}
}

func TestParseEgress(t *testing.T) {
	for _, test := range []struct {
		in   cloister.EgressSpec
		want string // what is said, or the rule
	}{
		{to("0.0.0.0/0", "any", 0, 65535), "0.0.0.0/0 any 0 0 65535"},
		{to("192.0.2.7", "tcp", 443, 443), "192.0.2.7/32 tcp 6 443 443"},
		{to("192.0.2.0/24", "6", 1, 65535), "192.0.2.0/24 tcp 6 1 65535"},
		{to("192.0.2.0/24", "17", 53, 53), "192.0.2.0/24 udp 17 53 53"},
		{to("192.0.2.0/24", "0", 0, 65535), "192.0.2.0/24 any 0 0 65535"},
		{to("192.0.2.0/24", "-1", 0, 65535), "192.0.2.0/24 any 0 0 65535"},
		{to("192.0.2.0/24", "132", 9, 9), "192.0.2.0/24 132 132 9 9"},
		{to("192.0.2.0/24", "icmp", 8, 8), "192.0.2.0/24 icmp 1 8 8"},
		{to("192.0.2.0/24", "icmp", 0, 65535), "192.0.2.0/24 icmp 1 0 255"},
		{to("192.0.2.0/24", "50", 0, 65535), "192.0.2.0/24 50 50 0 65535"},
		{to("192.0.2.0/24", "50", 0, 0), "192.0.2.0/24 50 50 0 65535"},
		{to("8.0.0.0/5", "tcp", 1, 2), "8.0.0.0/5 tcp 6 1 2"}, // wider than a private range: the rest of it is reached

		{to("example.com", "tcp", 1, 2), `Target "example.com" is not an IP range in CIDR notation`},
		{to("", "tcp", 1, 2), `Target "" is not`},
		{to("192.0.2.0/33", "tcp", 1, 2), `is not an IP range`},
		{to("192.0.2.1/24", "tcp", 1, 2), "Target 192.0.2.1/24 has host bits set. Did you mean 192.0.2.0/24?"},
		{to("2001:db8::/32", "tcp", 1, 2), "Target 2001:db8::/32 is an IPv6 range. Dynos have no IPv6"},
		{to("::ffff:192.0.2.0/120", "tcp", 1, 2), "IPv4-mapped IPv6 range. Write it as IPv4."},
		{to("10.0.0.0/16", "tcp", 1, 2), "Target 10.0.0.0/16 is inside 10.0.0.0/8, which no dyno ever reaches"},
		{to("169.254.169.254", "tcp", 80, 80), "is inside 169.254.0.0/16"},
		{to("100.64.0.0/12", "tcp", 80, 80), "is inside 100.64.0.0/10"},
		{to("127.0.0.1", "tcp", 80, 80), "is inside 127.0.0.0/8"},
		{to("224.0.0.251", "udp", 5353, 5353), "is inside 224.0.0.0/4"},
		{to("192.0.2.0/24", "http", 1, 2), `Protocol "http" is not known. Use tcp, udp, icmp, any or a number from 0 to 255.`},
		{to("192.0.2.0/24", "256", 0, 0), `Protocol "256" is not known`},
		{to("192.0.2.0/24", "06", 0, 0), `Protocol "06" is not known`},
		{to("192.0.2.0/24", "TCP", 0, 0), `Protocol "TCP" is not known`},
		{to("192.0.2.0/24", "tcp", 8080, 80), "From_port 8080 is above to_port 80. Exchange them."},
		{to("192.0.2.0/24", "tcp", -1, 80), "From -1 to 80 is no range of ports. They go from 0 to 65535."},
		{to("192.0.2.0/24", "udp", 0, 65536), "From 0 to 65536 is no range of ports."},
		{to("192.0.2.0/24", "icmp", 0, 256), "From 0 to 256 is no range of ICMP types. They go from 0 to 255."},
		{to("192.0.2.0/24", "50", 80, 80), "Protocol 50 has no ports. Leave the ports out, or say 0 to 65535."},
		{to("192.0.2.0/24", "any", 80, 80), "Ports need a protocol that has them. Say tcp or udp rather than any."},
	} {
		got, err := cloister.ParseEgress([]cloister.EgressSpec{test.in}, 100)
		if err != nil {
			if cloister.KindOf(err) != cloister.Invalid || !strings.HasPrefix(err.Error(), "Rule 1: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v: %v, want %s", test.in, err, test.want)
			}
			continue
		}
		r := got[0]
		if said := sprint(r.Target, r.Protocol, r.Number(), r.From, r.To); said != test.want {
			t.Errorf("%v: got %s, want %s", test.in, said, test.want)
		}
	}
}

func TestASetOfEgressRulesHasLimits(t *testing.T) {
	var many []cloister.EgressSpec
	for i := range cloister.LimitOutboundRules.Default() + 1 {
		many = append(many, to("192.0.2.0/24", "tcp", i, i))
	}
	if _, err := cloister.ParseEgress(many, 100); err == nil || !strings.Contains(err.Error(), "at most 100 outbound rules, and this set has 101") {
		t.Error(err)
	}
	if got, err := cloister.ParseEgress(many[1:], 100); err != nil || len(got) != cloister.LimitOutboundRules.Default() {
		t.Error(len(got), err)
	}
	_, err := cloister.ParseEgress([]cloister.EgressSpec{to("192.0.2.7", "tcp", 1, 1), to("192.0.2.7/32", "6", 1, 1)}, 100)
	if err == nil || err.Error() != "Rule 2 is in the set twice. Leave one of the two out." {
		t.Error(err)
	}
	if got, err := cloister.ParseEgress(nil, 100); err != nil || got == nil || cloister.Unlimited(got) {
		t.Errorf("no rules are %v, %v", got, err)
	}
	if all, err := cloister.ParseEgress([]cloister.EgressSpec{to("192.0.2.7", "tcp", 1, 1), to("0.0.0.0/0", "any", 0, 65535)}, 100); err != nil || !cloister.Unlimited(all) {
		t.Errorf("%v, %v", all, err)
	}
	if !slices.Equal(cloister.Anywhere(), cloister.Anywhere()) || !cloister.Unlimited(cloister.Anywhere()) {
		t.Error("anywhere is limited")
	}
}
