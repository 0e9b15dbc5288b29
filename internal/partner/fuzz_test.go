package partner

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/cloister-dev/cloister"
)

// A manifest is refused in words, or all that is made of it later (calls, forms, names of config vars and plans) is sound.
func FuzzManifest(f *testing.F) {
	sample, err := os.ReadFile("testdata/manifest.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sample))
	for _, s := range []string{"", "{}", "[]", "null", `{"id":"a"}`, `{"id":"a","api":null}`, `{"ID":"a","id":"b"}`, strings.Repeat(`{"api":`, 100), `{"id":"\ud800"}`,
		`{"id":"a","api":{"version":"3","password":"p","production":{"base_url":"https://a"}}}`,
		`{"id":"1a","api":{"version":"3","password":"p","config_vars_prefix":"A","config_vars":["A"],"production":{"base_url":"http://[::1]:80/%2e%2e"}},"plans":[{"name":"a","price":{"cents":1e3}}]}`,
		`{"id":"a","api":{"version":"3","password":"p","sso_salt":"s","requires":["log_input"],"regions":["us"],"production":{"base_url":"https://a/b","sso_url":"https://a/?b"}},"plans":null}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseManifest([]byte(s))
		if err != nil {
			if cloister.KindOf(err) != cloister.Invalid || len(err.Error()) > 1000 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Errorf("%q is refused as %s with %q", s, cloister.KindOf(err), err)
			}
			return
		}
		for _, at := range []string{m.API.Production.BaseURL, m.API.Production.SSOURL} {
			u, err := url.Parse(at)
			if at != "" && (err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !cloister.Loopback(u.Hostname())) {
				t.Errorf("%q is an address", at)
			}
		}
		if _, err := http.NewRequest(http.MethodPut, m.API.Production.BaseURL+"/x", nil); err != nil {
			t.Error(err)
		}
		if len(m.Plans) == 0 || strings.ContainsAny(m.ID+m.Plans[0].Name, ":/ ") || url.PathEscape(m.ID) != m.ID || m.Name != cloister.Words(m.Name, 255) {
			t.Errorf("%q became %+v", s, m)
		}
		for _, name := range m.API.ConfigVars {
			if !strings.HasPrefix(name, m.API.Prefix) || cloister.ValidConfig(map[string]cloister.Secret{name: "v"}) != nil {
				t.Errorf("%q is a config var of %s", name, m.API.Prefix)
			}
		}
	})
}

// Whatever a provider answers with 200 is a failure in words, or can be an app's config vars and be shown.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"", "{}", "[]", "null", `{"id":1}`, `{"id":"a","message":"ok"}`, `{"id":null,"config":{}}`, `{"id":"a","config":{"A_B":null}}`, `{"id":"a","config":{"A_B":"\u0000"}}`,
		`{"id":"a","config":{"A":"b","A_C":"d"},"log_drain_url":"syslog://a:1"}`, `{"id":"a","message":"\u001b[2J\r\n\u202e"}`, `{"id":"\ud800"}`, "{\"id\":\"a\xff\"}", `{"id":1e400}`} {
		f.Add(s)
	}
	m := Manifest{ID: "a", API: API{Prefix: "A", Requires: []string{"syslog_drain"}}}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := m.read(http.StatusOK, []byte(s), true)
		if err != nil {
			failure := (*Failure)(nil)
			if !errors.As(err, &failure) || !utf8.ValidString(err.Error()) || len(err.Error()) > 1000 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Errorf("%q fails with %q", s, err)
			}
			return
		}
		if got.ID == "" || len(got.Message) > maxMessage || strings.ContainsFunc(got.Message, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
			t.Errorf("%q became %+v", s, got)
		}
		if err := cloister.ValidConfig(got.Config); err != nil {
			t.Errorf("%q became config vars, which are refused: %v", s, err)
		}
	})
}
