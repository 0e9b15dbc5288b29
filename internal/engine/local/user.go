package local

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister"
)

// A user is who a workload runs as. It is never root.
type user struct{ UID, GID uint32 }

var ordinary = user{1000, 1000}

// userOf reads the user of an image's config: "uid", "uid:gid" or a name that its /etc/passwd knows. Root, and no
// user at all, become an ordinary user.
func userOf(text string, lower []string) (user, error) {
	name, group, hasGroup := strings.Cut(text, ":")
	if name == "" {
		return ordinary, nil
	}
	var u user
	if uid, err := strconv.ParseUint(name, 10, 32); err == nil {
		u = user{uint32(uid), uint32(uid)}
		if entry, ok := entryOf(lower, "etc/passwd", 2, name); ok {
			u.GID = entry.GID
		}
	} else if entry, ok := entryOf(lower, "etc/passwd", 0, name); ok {
		u = entry
	} else {
		return user{}, cloister.Errorf(cloister.Invalid, "The image's user %q is not in its /etc/passwd.", name)
	}
	if hasGroup {
		gid, err := strconv.ParseUint(group, 10, 32)
		if err != nil {
			return user{}, cloister.Errorf(cloister.Invalid, "The image's group %q must be a number.", group)
		}
		u.GID = uint32(gid)
	}
	if u.UID == 0 {
		return ordinary, nil
	}
	if u.GID == 0 {
		u.GID = u.UID
	}
	return u, nil
}

// entryOf finds the line of a passwd file whose field is value, in the topmost layer that has the file. Layers are
// strangers' files: nothing in them may lead out of them.
func entryOf(lower []string, path string, field int, value string) (user, bool) {
	for _, dir := range lower {
		root, err := os.OpenRoot(dir)
		if err != nil {
			continue
		}
		f, err := root.Open(path)
		root.Close()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return user{}, false
		}
		defer f.Close()
		lines := bufio.NewScanner(io.LimitReader(f, 1<<20))
		for lines.Scan() {
			p := strings.Split(lines.Text(), ":")
			if len(p) < 4 || p[field] != value {
				continue
			}
			uid, err1 := strconv.ParseUint(p[2], 10, 32)
			gid, err2 := strconv.ParseUint(p[3], 10, 32)
			return user{uint32(uid), uint32(gid)}, err1 == nil && err2 == nil
		}
		return user{}, false
	}
	return user{}, false
}
