package build

import (
	"archive/tar"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// copySystem copies a root file system, less what belongs to the machine it was made on or differs from run to run.
func copySystem(file string, w io.Writer) error {
	out := tar.NewWriter(w)
	err := eachEntry(file, func(name string, h *tar.Header, r io.Reader) error {
		return writeEntry(out, name, h, r)
	})
	return errors.Join(err, out.Close())
}

// copyDifference writes what must be laid over the system in base to get the system in full: entries that are new
// or not the same, and whiteouts for those that are gone.
func copyDifference(base, full string, w io.Writer) error {
	was, err := fingerprints(base)
	if err != nil {
		return err
	}
	is, err := fingerprints(full)
	if err != nil {
		return err
	}
	changed := map[string]bool{}
	for name, p := range is {
		if was[name] == p {
			continue
		}
		changed[name] = true
		if p.link != "" { // a hard link needs its file in the same layer
			changed[p.link] = true
		}
	}
	out := tar.NewWriter(w)
	err = eachEntry(full, func(name string, h *tar.Header, r io.Reader) error {
		if !changed[name] {
			return nil
		}
		return writeEntry(out, name, h, r)
	})
	if err != nil {
		return err
	}
	var gone []string
	for name := range was {
		if _, ok := is[name]; !ok {
			gone = append(gone, name)
		}
	}
	slices.SortFunc(gone, func(a, b string) int { return cmp.Compare(a, b) })
	for _, name := range gone {
		if _, parentStays := is[path.Dir(name)]; !parentStays && path.Dir(name) != "." {
			continue // its directory's whiteout covers it
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: path.Join(path.Dir(name), ".wh."+path.Base(name)), Mode: 0o644, ModTime: stackDate}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
	}
	return out.Close()
}

// A fingerprint tells whether two entries are the same but for their dates.
type fingerprint struct {
	kind     byte
	mode     int64
	uid, gid int
	symlink  string
	link     string // the file that a hard link names
	content  [sha256.Size]byte
}

func fingerprints(file string) (map[string]fingerprint, error) {
	out := map[string]fingerprint{}
	err := eachEntry(file, func(name string, h *tar.Header, r io.Reader) error {
		p := fingerprint{kind: h.Typeflag, mode: h.Mode, uid: h.Uid, gid: h.Gid}
		switch h.Typeflag {
		case tar.TypeSymlink:
			p.symlink = h.Linkname
		case tar.TypeLink:
			p.link = path.Clean(h.Linkname)
		case tar.TypeReg:
			sum := sha256.New()
			if _, err := io.Copy(sum, r); err != nil {
				return err
			}
			sum.Sum(p.content[:0])
		}
		out[name] = p
		return nil
	})
	return out, err
}

// eachEntry calls fn for each entry of a tar file that belongs into an image, in its order, by its clean name.
func eachEntry(file string, fn func(name string, h *tar.Header, r io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	in := tar.NewReader(f)
	for {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", path.Base(file), err)
		}
		name := path.Clean(strings.TrimPrefix(h.Name, "/"))
		if name == "." || !belongs(name) {
			continue
		}
		if h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeLink {
			h.Mode &^= 0o6000 // nothing in a stack may raise privileges; no_new_privs forbids it anyway
		}
		if err := fn(name, h, in); err != nil {
			return fmt.Errorf("entry %s: %w", name, err)
		}
	}
}

func writeEntry(out *tar.Writer, name string, h *tar.Header, r io.Reader) error {
	clean := &tar.Header{Typeflag: h.Typeflag, Name: name, Linkname: h.Linkname, Size: h.Size, Mode: h.Mode, Uid: h.Uid, Gid: h.Gid, ModTime: h.ModTime}
	if clean.ModTime.After(stackDate) {
		clean.ModTime = stackDate
	}
	if h.Typeflag == tar.TypeLink {
		clean.Linkname = path.Clean(h.Linkname)
	}
	if h.Typeflag == tar.TypeDir {
		clean.Name += "/"
	}
	if err := out.WriteHeader(clean); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	_, err := io.Copy(out, r)
	return err
}

// notPacked are files that say something about the machine the system was made on, or about the moment.
var notPacked = []string{
	"etc/apt/apt.conf.d/99mmdebstrap", "etc/apt/sources.list", "etc/apt/sources.list.d/*",
	"etc/resolv.conf", "etc/hostname", "etc/hosts", "etc/machine-id", "etc/.pwd.lock", "etc/*-",
	"var/lib/dbus/machine-id", "var/cache/ldconfig/aux-cache", "var/cache/debconf/*-old", "var/lib/dpkg/*-old",
	"var/lib/dpkg/lock*", "var/lib/apt/extended_states", "var/lib/apt/lists/*", "var/cache/apt/*", "var/log/*",
	"dev/*", "run/*", "tmp/*", "var/tmp/*",
}

// belongs reports whether an entry is part of an image: neither it nor a directory above it is in notPacked.
func belongs(name string) bool {
	for n := name; n != "."; n = path.Dir(n) {
		for _, p := range notPacked {
			if ok, _ := path.Match(p, n); ok {
				return false
			}
		}
	}
	return true
}
