package cloister_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestParseCIDRTakesPrivateSixteensOnly(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "10.0.0.0/16", // the default
		"10.0.0.0/16":         "10.0.0.0/16",
		"10.255.0.0/16":       "10.255.0.0/16",
		"172.16.0.0/16":       "172.16.0.0/16",
		"172.31.0.0/16":       "172.31.0.0/16",
		"192.168.0.0/16":      "192.168.0.0/16",
		"172.17.0.0/16":       "", // reserved
		"10.1.0.0/16":         "", // reserved
		"10.0.0.0/15":         "",
		"10.0.0.0/17":         "",
		"10.0.0.0/8":          "",
		"10.0.0.0":            "",
		"10.0.0.1/16":         "", // host bits
		"172.15.0.0/16":       "", // not private
		"172.32.0.0/16":       "",
		"192.169.0.0/16":      "",
		"100.64.0.0/16":       "",
		"169.254.0.0/16":      "",
		"0.0.0.0/16":          "",
		"fd00::/16":           "",
		"::ffff:10.0.0.0/112": "",
		"10.0.0.0/016":        "",
		" 10.0.0.0/16":        "",
		"ten":                 "",
	} {
		got, err := cloister.ParseCIDR(in)
		check(t, in, got, err, want)
	}
}

func TestParseDataCIDRStaysClearOfTheDynos(t *testing.T) {
	for _, test := range []struct{ dynos, in, want string }{
		{"10.0.0.0/16", "", "172.23.0.0/20"},
		{"172.23.0.0/16", "", "172.24.0.0/20"}, // the default would overlap
		{"10.0.0.0/16", "172.24.0.0/16", "172.24.0.0/16"},
		{"10.0.0.0/16", "10.100.16.0/20", "10.100.16.0/20"},
		{"10.0.0.0/16", "172.24.0.0/15", ""},
		{"10.0.0.0/16", "172.24.0.0/21", ""},
		{"10.0.0.0/16", "10.0.0.0/16", ""},
		{"10.0.0.0/16", "10.0.240.0/20", ""},
		{"10.0.0.0/16", "10.1.16.0/20", ""}, // reserved
		{"10.0.0.0/16", "172.17.0.0/18", ""},
		{"10.0.0.0/16", "203.0.112.0/20", ""}, // public
		{"10.0.0.0/16", "172.24.1.0/20", ""},  // host bits
		{"10.0.0.0/16", "fd00::/20", ""},
	} {
		got, err := cloister.ParseDataCIDR(test.in, netip.MustParsePrefix(test.dynos))
		check(t, test.in+" beside "+test.dynos, got, err, test.want)
	}
}

func check(t *testing.T, what string, got netip.Prefix, err error, want string) {
	t.Helper()
	switch {
	case want == "" && cloister.KindOf(err) != cloister.Invalid:
		t.Errorf("%q: got %v, %v; want an error of kind invalid", what, got, err)
	case want != "" && (err != nil || got.String() != want):
		t.Errorf("%q: got %v, %v; want %s", what, got, err, want)
	}
}

func TestNamesFollowTheirRules(t *testing.T) {
	long := strings.Repeat("a", 30)
	for _, test := range []struct {
		what  string
		valid func(string) error
		good  []string
		bad   []string
	}{
		{"space", cloister.ValidSpaceName, []string{"abc", "a-b", "1st", "my-space-2", long},
			[]string{"", "ab", long + "a", "-abc", "abc-", "a--b", "Abc", "a_b", "a b", "ä-b", "abc\n", "a.b"}},
		{"app", cloister.ValidAppName, []string{"abc", "a-b", "a--b", "app1", long},
			[]string{"", "ab", long + "a", "1app", "-abc", "abc-", "Abc", "a_b", "a b", "a.b", "abc\n", "../etc", "äpp"}},
		{"team", cloister.ValidTeamName, []string{"ab", "acme", "acme-2", long, "app"},
			[]string{"", "a", long + "a", "apps", "invitations", "-a", "a-", "a--b", "Acme", "a/b"}},
		{"process type", cloister.ValidProcessType, []string{"web", "web-2", "worker_slow", "Clock", strings.Repeat("a", 128)},
			[]string{"", strings.Repeat("a", 129), "we b", "web.1", "web\n", "wéb"}},
		{"e-mail", cloister.ValidEmail, []string{"ada@example.com", "a.b+c@sub.example.com"},
			[]string{"", "ada", "@example.com", "Ada <ada@example.com>", "ada@example.com\n", "a da@example.com", strings.Repeat("a", 250) + "@x.de"}},
	} {
		for _, s := range test.good {
			if err := test.valid(s); err != nil {
				t.Errorf("%s %q is refused: %v", test.what, s, err)
			}
		}
		for _, s := range test.bad {
			if cloister.KindOf(test.valid(s)) != cloister.Invalid {
				t.Errorf("%s %q is allowed", test.what, s)
			}
		}
	}
}
