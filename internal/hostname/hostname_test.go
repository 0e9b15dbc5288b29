package hostname

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestHostnames(t *testing.T) {
	for in, want := range map[string]string{
		"www.example.com": "www.example.com", "WWW.Example.COM.": "www.example.com", "example.co.uk": "example.co.uk", "*.example.com": "*.example.com",
		"bücher.example": "xn--bcher-kva.example", "xn--bcher-kva.example": "xn--bcher-kva.example", "www。example。com": "www.example.com", " a.b.c.example.com ": "a.b.c.example.com",
		strings.Repeat("a", 63) + ".example.com": strings.Repeat("a", 63) + ".example.com", "1.example.com": "1.example.com",
	} {
		if got, err := Parse(in, "apps.localhost"); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"": "is not a host name", "localhost": "belongs to everybody", "com": "belongs to everybody", "co.uk": "belongs to everybody", "*.com": "belongs to everybody", "*.co.uk": "belongs to everybody",
		"192.0.2.1": "is an address", "::1": "is an address", "a_b.example.com": "is not a host name", "-a.example.com": "is not a host name", "a..example.com": "is not a host name",
		"a.*.example.com": "is not a host name", "**.example.com": "is not a host name", "*": "is not a host name", "a b.example.com": "is not a host name", "a/b.example.com": "is not a host name",
		"http://example.com": "is not a host name", "example.com:80": "is not a host name", "ex\x00ample.com": "is not a host name", "ex\nample.com": "is not a host name", "a'b;--.example.com": "is not a host name",
		strings.Repeat("a", 64) + ".example.com": "has a part of 64 characters", strings.Repeat("a.", 130) + "example.com": "is not a host name",
		"app-0123456789ab.apps.localhost": "where the platform itself gives names", "apps.localhost": "where the platform itself gives names", "*.apps.localhost": "where the platform itself gives names", "APPS.LOCALHOST.": "where the platform itself gives names",
		"xn--a.example.com": "is not a host name", "exа‮mple.com": "is not a host name",
	} {
		if got, err := Parse(in, "apps.localhost"); cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestWhatSomebodyHasRegistered(t *testing.T) {
	for name, want := range map[string]string{"www.example.co.uk": "example.co.uk", "*.example.com": "example.com", "a.b.example.com": "example.com", "a.b.test": "b.test"} {
		if got := Registrable(name); got != want {
			t.Errorf("%s is registered as %s", name, got)
		}
	}
}
