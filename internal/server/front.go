package server

import (
	"net/http"
	"strings"

	"github.com/cloister-dev/cloister/internal/gitd"
	"github.com/cloister-dev/cloister/internal/web"
)

// A front sends a request to the part that its path belongs to. App names cannot end in ".git" and have no dots, so no
// path of the API looks like a repository's.
type front struct {
	git, streams, sources, slugs, web, api http.Handler
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case gitd.Match(r):
		f.git.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/streams/"):
		f.streams.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/sources/"):
		f.sources.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, slugsPath):
		f.slugs.ServeHTTP(w, r)
	case web.Match(r):
		f.web.ServeHTTP(w, r)
	default:
		f.api.ServeHTTP(w, r)
	}
}
