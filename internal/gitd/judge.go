package gitd

import (
	"regexp"
	"strings"

	"github.com/cloister-dev/cloister"
)

// zero is the id of no object: of a ref that does not exist yet, or any more.
const zero = "0000000000000000000000000000000000000000"

var objectID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// deploys are the branches whose push is a build.
var deploys = map[string]bool{"refs/heads/main": true, "refs/heads/master": true}

// A verdict is what becomes of a push that is not refused.
type verdict struct {
	build   *update // build this one; nil for none
	skipped bool    // there are refs that are stored and not built
}

// judge decides about a push from nothing but the refs it changes, and head, the branch that was deployed last.
func judge(updates []update, head string) (verdict, error) {
	var v verdict
	for _, u := range updates {
		if err := u.valid(); err != nil {
			return verdict{}, err
		}
		branch := strings.TrimPrefix(u.Ref, "refs/heads/")
		switch {
		case !deploys[u.Ref]:
			v.skipped = v.skipped || u.New != zero
		case u.New != zero && v.build != nil:
			return verdict{}, cloister.Errorf(cloister.Invalid, "Both main and master are pushed, and each is a deploy. Push one of them.")
		case u.New != zero:
			v.build = &u
		case u.Ref == "refs/heads/main" || u.Ref == head:
			return verdict{}, cloister.Errorf(cloister.Invalid, "The branch %s can not be deleted: it is what the app was deployed from.", branch)
		}
	}
	return v, nil
}

// valid reports why an update can not be, or may not be. Git has checked the same; what is written into logs and
// given to commands is checked here too.
func (u update) valid() error {
	if !objectID.MatchString(u.Old) || !objectID.MatchString(u.New) {
		return cloister.Errorf(cloister.BadRequest, "The push names an object that can not be.")
	}
	kind, rest, _ := strings.Cut(strings.TrimPrefix(u.Ref, "refs/"), "/")
	known := kind == "heads" || kind == "tags" || kind == "notes"
	if !strings.HasPrefix(u.Ref, "refs/") || !known || rest == "" {
		return cloister.Errorf(cloister.Invalid, "Only branches and tags can be pushed, not %q. Push them by name rather than with --mirror.", u.Ref)
	}
	for _, r := range u.Ref {
		if r <= ' ' || r == 0x7f {
			return cloister.Errorf(cloister.Invalid, "The name %q is not allowed for a branch or tag.", u.Ref)
		}
	}
	return nil
}
