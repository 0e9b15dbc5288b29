package cloister_test

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

// What names nouns is safe wherever a name goes: a path, a URL, a host name, a shell, a terminal, an SQL text.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"quiet-garth", "a", "-a", "a--b", "A", "аpp", "a'b", "a;b", "a\x00b", "a\nb", "../a", "a%2fb", "apps", "web", "_web", "x@y.z", "Ä@example.com", "a b@c.d", "<a@b.c>"} {
		f.Add(s)
	}
	label := regexp.MustCompile(`\A[a-z0-9]([a-z0-9-]*[a-z0-9])?\z`)
	f.Fuzz(func(t *testing.T, s string) {
		for what, err := range map[string]error{"app": cloister.ValidAppName(s), "space": cloister.ValidSpaceName(s), "team": cloister.ValidTeamName(s)} {
			if err == nil && (!label.MatchString(s) || len(s) > 63 || url.PathEscape(s) != s || cloister.IsID(s)) {
				t.Errorf("%q may name a %s", s, what)
			}
			if err != nil && cloister.KindOf(err) != cloister.Invalid {
				t.Errorf("%q is refused as %s for a %s", s, cloister.KindOf(err), what)
			}
		}
		if cloister.ValidProcessType(s) == nil && (url.PathEscape(s) != s || strings.ContainsAny(s, "./") || len(s) > 128) {
			t.Errorf("%q may name a process type", s)
		}
		if cloister.ValidConfig(map[string]cloister.Secret{s: "v"}) == nil && strings.ContainsFunc(s, func(r rune) bool { return r > 'z' || r <= ' ' || strings.ContainsRune("='\"$`;", r) }) {
			t.Errorf("%q may name a config var", s)
		}
		if cloister.ValidEmail(s) == nil {
			if a, err := mail.ParseAddress(s); err != nil || a.Address != s || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
				t.Errorf("%q is taken for an e-mail address", s)
			}
		}
	})
}
