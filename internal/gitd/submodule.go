package gitd

import (
	"net/url"
	"path"
	"strings"

	"github.com/cloister-dev/cloister"
)

// maxSubmodules is how many submodules one commit may have.
const maxSubmodules = 200

// validSubmodules reports why a build could not, or must not, fetch these submodules. A build has no credentials
// and is in a network of its own, so that what is left are addresses that everybody can fetch from.
func validSubmodules(all []cloister.Submodule) error {
	if len(all) > maxSubmodules {
		return cloister.Errorf(cloister.Invalid, "The source has %d submodules; at most %d are fetched.", len(all), maxSubmodules)
	}
	for _, s := range all {
		if !objectID.MatchString(s.Commit) {
			return cloister.Errorf(cloister.Invalid, "Submodule %q has no commit.", s.Path)
		}
		if !plainPath(s.Path) {
			return cloister.Errorf(cloister.Invalid, "Submodule %q has a path that is not allowed.", s.Path)
		}
		if s.URL == "" {
			return cloister.Errorf(cloister.Invalid, "No submodule mapping was found in .gitmodules for path %q. Add one with `git submodule add`, or remove the entry with `git rm --cached %s`.", s.Path, s.Path)
		}
		if !fetchable(s.URL) {
			return cloister.Errorf(cloister.Invalid, "Submodule %q has the address %q, which a build can not fetch. Use an https:// address.", s.Path, s.URL)
		}
	}
	return nil
}

// plainPath reports whether p stays inside the directory it is relative to, and out of git's own.
func plainPath(p string) bool {
	if p == "" || p[0] == '/' || p[0] == '-' || path.Clean(p) != p || strings.ContainsAny(p, "\\\x00\n\r") {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." || part == "." || strings.EqualFold(part, ".git") {
			return false
		}
	}
	return true
}

func fetchable(address string) bool {
	for _, r := range address {
		if r <= ' ' || r == 0x7f || r == '\\' {
			return false
		}
	}
	u, err := url.Parse(address)
	return err == nil && len(address) <= 2048 && u.Host != "" && u.Opaque == "" && u.Host[0] != '-' &&
		(u.Scheme == "https" || u.Scheme == "http" || u.Scheme == "git")
}
