package gitd

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/cloister-dev/cloister"
)

// The two services of a repository, which are also the names of git's commands and the last part of their paths.
const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// A target is what a request is for.
type target struct {
	app     string
	what    string // the path behind the repository
	service string
	bare    bool // by SSH: without the line that says by HTTP what this is
}

var repositoryPath = regexp.MustCompile(`^/([a-z][a-z0-9-]*)\.git/(info/refs|HEAD|git-upload-pack|git-receive-pack)$`)

// Match reports whether a request should come to this package: its path begins with a repository, good or bad.
func Match(r *http.Request) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	return strings.HasSuffix(strings.ToLower(first), ".git")
}

// parse reads the path as it was sent. No part of it has a reason to be encoded, so nothing is ever decoded.
func parse(r *http.Request) (target, bool) {
	m := repositoryPath.FindStringSubmatch(r.URL.EscapedPath())
	if m == nil || cloister.ValidAppName(m[1]) != nil {
		return target{}, false
	}
	t := target{app: m[1], what: m[2]}
	switch t.what {
	case "info/refs":
		t.service = r.URL.Query().Get("service")
	case "HEAD":
		t.service = uploadPack
	default:
		t.service = t.what
		return t, r.Method == http.MethodPost
	}
	return t, r.Method == http.MethodGet || r.Method == http.MethodHead
}
