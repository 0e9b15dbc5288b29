package hostname

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

// FuzzParse: what is taken is a name that is taken again as it is, has nothing in it that means something in a URL, a header or a
// shell, and is never one that the platform gives itself.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"www.example.com", "*.example.com", "bücher.example", "WWW。example。com", "a..b", "*.*.example.com", "xn--a.example", "1.2.3.4", "apps.localhost", "a.apps.localhost.", "exa\u202emple.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := Parse(s, "apps.localhost")
		if err != nil {
			if cloister.KindOf(err) != cloister.Invalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if again, err := Parse(name, "apps.localhost"); err != nil || again != name {
			t.Errorf("%q is %q, which is %q, %v", s, name, again, err)
		}
		rest := strings.TrimPrefix(name, "*.")
		if strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || !strings.Contains(rest, ".") || len(rest) > 253 || strings.HasSuffix(rest, "apps.localhost") && (rest == "apps.localhost" || strings.HasSuffix(rest, ".apps.localhost")) {
			t.Errorf("%q is %q", s, name)
		}
		if r := Registrable(name); r != rest && !strings.HasSuffix(rest, "."+r) {
			t.Errorf("%q was registered as %q", name, r)
		}
	})
}
