package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPathsLeadToTheirPart(t *testing.T) {
	part := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) })
	}
	f := &front{git: part("git"), streams: part("streams"), sources: part("sources"), slugs: part("slugs"), web: part("web"), api: part("api")}
	for path, want := range map[string]string{
		"/":                         "api",
		"/apps":                     "api",
		"/apps/hello.git":           "api",
		"/apps/hello.git/info/refs": "api",
		"/hello.git/info/refs":      "git",
		"/hello.git/info/refs?service=git-upload-pack": "git",
		"/hello.git":                   "git",
		"/HELLO.GIT/HEAD":              "git",
		"/.git/config":                 "git", // whose refusal is the same as for any repository
		"/sources.git/info/refs":       "git",
		"/sources":                     "api", // POST /sources asks for a place to upload to
		"/sources/":                    "sources",
		"/sources/secret":              "sources",
		"/sources/a.git":               "sources",
		"/sourcesX/secret":             "api",
		"/slugs":                       "api",
		"/slugs/app/slug/secret":       "slugs",
		"/streams":                     "api",
		"/auth":                        "web",
		"/dashboard":                   "web",
		"/dashboard/apps/hello":        "web",
		"/dashboardx":                  "api",
		"/style.css":                   "web",
		"/live.js":                     "web",
		"/live.jsx":                    "api",
		"/auth/browser/x":              "web",
		"/sign-in":                     "web",
		"/oauth/authorize":             "web",
		"/oauth/token":                 "web",
		"/oauth/tokens":                "api",
		"/oauth/clients":               "api",
		"/sign-in/x":                   "api",
		"/authx":                       "api",
		"/streams/x":                   "streams",
		"/streams/x.git":               "streams",
		"/hello%2egit/info/refs":       "api",
		"/hello.git%2finfo/refs":       "api",
		"//hello.git/info/refs":        "api",
		"/apps/../hello.git/info/refs": "api",
		"/apps/%2e%2e/sources/x":       "api",
		"/apps?x=/sources/y":           "api",
		"/%73ources/x":                 "sources",
		"/git":                         "api",
		"/hello.gitx":                  "api",
	} {
		r := httptest.NewRequest(http.MethodGet, "http://api.example"+path, nil)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if got := w.Body.String(); got != want {
			t.Errorf("%s leads to %s, not %s", path, got, want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://api.example/", nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	w := httptest.NewRecorder()
	if f.ServeHTTP(w, r); w.Body.String() != "web" {
		t.Errorf("the root leads a browser to %s", w.Body)
	}
}
