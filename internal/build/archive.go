package build

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/cloister-dev/cloister"
)

// Limits of an archive, beside its size: what a hostile one could exhaust otherwise.
const (
	maxEntries = 1_000_000
	maxName    = 4096
)

// copySource copies a source archive, tar or tar.gz, entry by entry to w as a plain tar, and refuses what has no
// business in one: names and links that lead outside, entries beneath a symbolic link, devices, and more than limit
// bytes. It checks the archive against its checksum ("SHA256:<hex>", or "") when it has been read to its end; until
// it returns nil nothing of what it wrote may be used.
func copySource(r io.Reader, w io.Writer, checksum string, limit int64) error {
	r, sum := checksummed(r)
	plain, err := gunzip(r)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	if err := copyEntries(tar.NewReader(plain), out, &gate{limit: limit, inside: true}); err != nil {
		return err
	}
	if err := skipPadding(plain); err != nil {
		return err
	}
	if got := sum(); checksum != "" && !strings.EqualFold(got, checksum) {
		return cloister.Errorf(cloister.Invalid, "The source archive does not match its checksum. Expected: %s Actual: %s", checksum, got)
	}
	return out.Close()
}

// copySlug copies the files of a finished build, as its sandbox hands them out, to w as a layer: beneath app, owned
// by the stack's user. A link in a slug may name anything, as it is followed only inside a dyno.
func copySlug(r io.Reader, w io.Writer, limit int64) error {
	out := tar.NewWriter(w)
	top := &tar.Header{Typeflag: tar.TypeDir, Name: "app/", Mode: 0o755, Uid: userID, Gid: userID, Uname: userName, Gname: userName, ModTime: stackDate}
	if err := out.WriteHeader(top); err != nil {
		return err
	}
	if err := copyEntries(tar.NewReader(r), out, &gate{limit: limit, prefix: "app/"}); err != nil {
		return err
	}
	return out.Close()
}

// copyImport copies a slug that was packed elsewhere, tar or tar.gz, and tells the checksum of the archive. It has its
// files below app already.
func copyImport(r io.Reader, w io.Writer, limit int64) (checksum string, err error) {
	r, sum := checksummed(r)
	plain, err := gunzip(r)
	if err != nil {
		return "", err
	}
	out, g := tar.NewWriter(w), &gate{limit: limit, within: "app"}
	if err := copyEntries(tar.NewReader(plain), out, g); err != nil {
		return "", err
	}
	if g.entries == 0 {
		return "", cloister.Errorf(cloister.Invalid, "The archive has no files. A slug has them below ./app.")
	}
	if err := skipPadding(plain); err != nil {
		return "", err
	}
	return sum(), out.Close()
}

// skipPadding reads an archive on after its last entry: its checksum covers that too. More than this is no padding.
func skipPadding(plain io.Reader) error {
	if _, err := io.Copy(io.Discard, io.LimitReader(plain, 64<<20)); err != nil {
		return badArchive(err)
	}
	return nil
}

// gunzip unpacks r if it is compressed. The two bytes that gzip starts with never start a tar.
func gunzip(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(6)
	switch {
	case len(magic) == 0:
		return nil, cloister.Errorf(cloister.Invalid, "The archive is empty.")
	case bytes.HasPrefix(magic, []byte("PK")):
		return nil, cloister.Errorf(cloister.Invalid, "The archive is a zip file. Send a tar or tar.gz file.")
	case bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z'}), bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}), bytes.HasPrefix(magic, []byte("BZh")):
		return nil, cloister.Errorf(cloister.Invalid, "The archive is compressed in a way that is not supported. Send a tar or tar.gz file.")
	case !bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return b, nil
	}
	if err != nil {
		return nil, badArchive(err)
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, badArchive(err)
	}
	return z, nil
}

func copyEntries(in *tar.Reader, out *tar.Writer, g *gate) error {
	for {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return badArchive(err)
		}
		clean, err := g.pass(h)
		if err != nil {
			return err
		}
		if clean == nil {
			continue
		}
		if err := out.WriteHeader(clean); err != nil {
			return fmt.Errorf("pass on %s: %w", clean.Name, err)
		}
		if clean.Typeflag != tar.TypeReg {
			continue
		}
		if _, err := io.Copy(out, readErrors{in}); err != nil {
			var bad *cloister.Error
			if errors.As(err, &bad) {
				return err
			}
			return fmt.Errorf("pass on %s: %w", clean.Name, err)
		}
	}
}

// A gate decides which entries of an archive pass, and in what form.
type gate struct {
	limit  int64  // of all content, in bytes
	prefix string // put before every name
	within string // the directory that every name must be below, or ""
	inside bool   // links must not lead outside

	size    int64
	entries int
	links   map[string]bool // symbolic links so far
}

// pass returns the entry as it is passed on, nil for one that is left out, or why the whole archive is refused.
func (g *gate) pass(h *tar.Header) (*tar.Header, error) {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil, nil
	}
	if g.entries++; g.entries > maxEntries {
		return nil, cloister.Errorf(cloister.Invalid, "The archive has more than %d files.", maxEntries)
	}
	name, err := cleanName(h.Name)
	if err != nil {
		return nil, err
	}
	if name == "." {
		return nil, nil
	}
	if g.within != "" && !(name == g.within && h.Typeflag == tar.TypeDir) && !strings.HasPrefix(name, g.within+"/") {
		return nil, refused(h.Name, "is not below ./%s", g.within)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if g.links[dir] {
			return nil, refused(h.Name, "is beneath the symbolic link %s", quoteShort(dir))
		}
	}
	delete(g.links, name) // an entry replaces an earlier one of its name
	clean := &tar.Header{Typeflag: h.Typeflag, Name: g.prefix + name, Uid: userID, Gid: userID, Uname: userName, Gname: userName, ModTime: h.ModTime}
	clean.Mode = 0o644
	if h.Mode&0o111 != 0 || h.Typeflag == tar.TypeDir {
		clean.Mode = 0o755
	}
	switch h.Typeflag {
	case tar.TypeReg:
		if g.size += h.Size; g.size > g.limit {
			return nil, cloister.Errorf(cloister.Invalid, "The files take more than %s, which is the limit.", megabytes(g.limit))
		}
		clean.Size = h.Size
	case tar.TypeDir:
		clean.Name += "/"
	case tar.TypeSymlink:
		if h.Linkname == "" || len(h.Linkname) > maxName || strings.ContainsRune(h.Linkname, 0) {
			return nil, refused(h.Name, "is a link without a proper target")
		}
		if g.inside && (path.IsAbs(h.Linkname) || !local(path.Join(path.Dir(name), h.Linkname))) {
			return nil, refused(h.Name, "is a symbolic link that leads outside, to %s", quoteShort(h.Linkname))
		}
		if g.links == nil {
			g.links = map[string]bool{}
		}
		g.links[name] = true
		clean.Linkname, clean.Mode = h.Linkname, 0o777
	case tar.TypeLink:
		target, err := cleanName(h.Linkname)
		if err != nil || target == "." {
			return nil, refused(h.Name, "is a hard link that leads outside, to %s", quoteShort(h.Linkname))
		}
		for dir := target; dir != "."; dir = path.Dir(dir) {
			if g.links[dir] {
				return nil, refused(h.Name, "is a hard link by way of the symbolic link %s", quoteShort(dir))
			}
		}
		clean.Linkname = g.prefix + target
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return nil, refused(h.Name, "is a device or a pipe")
	default:
		return nil, refused(h.Name, "is of the unknown type %q", h.Typeflag)
	}
	return clean, nil
}

// cleanName is a name as it may be used beneath a directory, or why it may not.
func cleanName(name string) (string, error) {
	switch {
	case name == "" || len(name) > maxName || strings.ContainsRune(name, 0):
		return "", refused(name, "has no proper name")
	case path.IsAbs(name):
		return "", refused(name, "has an absolute path")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", refused(name, "leads outside by \"..\"")
		}
	}
	return path.Clean(name), nil
}

// local reports whether a cleaned path stays beneath where it starts.
func local(p string) bool { return p != ".." && !strings.HasPrefix(p, "../") && !path.IsAbs(p) }

func refused(name, format string, args ...any) error {
	return cloister.Errorf(cloister.Invalid, "The archive is refused: its entry %s %s.", quoteShort(name), fmt.Sprintf(format, args...))
}

func badArchive(err error) error {
	var known *cloister.Error
	if errors.As(err, &known) {
		return err
	}
	return cloister.Errorf(cloister.Invalid, "The archive is damaged, or not a tar file: %v.", err)
}

// readErrors tells errors of reading an archive, which are its sender's, from errors of passing it on.
type readErrors struct{ r io.Reader }

func (r readErrors) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		err = badArchive(err)
	}
	return n, err
}
