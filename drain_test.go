package cloister_test

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestDrainURLs(t *testing.T) {
	for s, want := range map[string][2]string{
		"https://logs.example.com/in":                {"https://logs.example.com", "logs.example.com:443"},
		"https://user:hush@logs.example.com:99/in?a": {"https://logs.example.com:99", "logs.example.com:99"},
		"http://logs.example.com":                    {"http://logs.example.com", "logs.example.com:80"},
		"syslog://logs.example.com":                  {"syslog://logs.example.com", "logs.example.com:514"},
		"syslog://[2001:db8::1]:1514/":               {"syslog://[2001:db8::1]:1514", "[2001:db8::1]:1514"},
		"syslog+tls://logs.example.com":              {"syslog+tls://logs.example.com", "logs.example.com:6514"},
	} {
		u, err := cloister.ParseDrainURL(s)
		if err != nil || u.Reveal() != s {
			t.Errorf("%s: %q, %v", s, u.Reveal(), err)
		}
		d := cloister.Drain{URL: u}
		if got := [2]string{d.Address(), d.HostPort()}; got != want {
			t.Errorf("%s leads to %v, want %v", s, got, want)
		}
	}
	for s, want := range map[string]string{
		"":                                     "is missing",
		"logs.example.com":                     "has a scheme",
		"ftp://logs.example.com":               "has a scheme",
		"https://":                             "has no host",
		"https://:443/":                        "has no host",
		"syslog://":                            "has no host",
		"syslog://host:0":                      "a port that does not exist",
		"syslog://host:65536":                  "a port that does not exist",
		"https://user:hush@host:x/":            "is not an address",
		"https://host/\n":                      "is not an address",
		"https://hüst/":                        "is not an address",
		"http://mail.example.com:25/":          "the port of mail",
		"syslog+tls://host:1#insecure":         "has a fragment",
		"syslog://user:hush@host:514":          "more than a host and a port",
		"syslog://host:514/path":               "more than a host and a port",
		"https://" + strings.Repeat("a", 2048): "longer than 2048",
	} {
		_, err := cloister.ParseDrainURL(s)
		if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(cloister.MessageOf(err), want) {
			t.Errorf("%q: %v, want %q", s, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: the password is told: %v", s, err)
		}
	}
}
