// Package backup puts all that an installation keeps into one file, and makes an installation of it again: the database,
// the repositories, the images of releases and stacks, and single files such as the key of the certificate authority.
//
// The file is a tar archive, compressed (zstd) and encrypted (age), with a key of its own that is wrapped with a key of the
// installation: without that, nothing of it can be read, and nothing of it can be changed or cut off without being noticed.
// The installation's key is not in it.
package backup

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/store"
)

// Repositories keeps the repositories of apps. *gitd.Handler does.
type Repositories interface {
	// Bundle writes an app's repository to a file, and reports whether there was anything to write.
	Bundle(ctx context.Context, appID, file string) (bool, error)
	// Unbundle makes an app's repository of such a file.
	Unbundle(ctx context.Context, appID, file string) error
}

// A Report says what a backup has in it.
type Report struct {
	Made         time.Time `json:"made"`
	Apps         int       `json:"apps"`
	Repositories int       `json:"repositories"`
	Images       int       `json:"images"`
	Bytes        int64     `json:"bytes"` // of what is in the archive
}

// The names in the archive, in their order. Files have their own names.
const (
	storeName  = "store.jsonl"
	listName   = "images.json"
	gitDir     = "git/"
	blobDir    = "images/"
	fileDir    = "files/"
	reportName = "report.json" // the last: what has it is whole
)

// A Source is what is backed up. It goes on working meanwhile.
type Source struct {
	Store   *store.Store
	Git     Repositories
	Images  *build.Store
	Files   []string // paths of files that must be there
	Scratch string   // a directory for what is written before its size is known
}

// Write writes a backup to w.
func (s Source) Write(ctx context.Context, w io.Writer, lock Lock, now time.Time) (r Report, err error) {
	dir, err := os.MkdirTemp(s.Scratch, "backup-")
	if err != nil {
		return r, fmt.Errorf("back up: %w", err)
	}
	defer os.RemoveAll(dir)
	sealed, err := age.Encrypt(w, lock.recipient)
	if err != nil {
		return r, fmt.Errorf("back up: %w", err)
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest)) // most of it is compressed already
	if err != nil {
		return r, fmt.Errorf("back up: %w", err)
	}
	a := archive{tar: tar.NewWriter(packed), now: now}
	if err := s.fill(ctx, &a, dir); err != nil {
		return r, fmt.Errorf("back up: %w", err)
	}
	a.report.Made = now.UTC().Truncate(time.Second)
	report, err := json.Marshal(a.report)
	if err == nil {
		err = a.add(reportName, int64(len(report)), strings.NewReader(string(report)))
	}
	if err = errors.Join(err, a.tar.Close(), packed.Close(), sealed.Close()); err != nil {
		return r, fmt.Errorf("back up: %w", err)
	}
	return a.report, nil
}

// fill writes everything but the report. The database comes first: what it refers to was there before it, and is looked for
// after it.
func (s Source) fill(ctx context.Context, a *archive, dir string) error {
	digests := map[string]bool{} // that the copy of the database may refer to: of before it and after it
	if _, err := s.needs(ctx, digests); err != nil {
		return err
	}
	if err := a.made(storeName, filepath.Join(dir, "store"), func(f *os.File) error { return s.Store.CopyTo(ctx, f) }); err != nil {
		return err
	}
	apps, err := s.needs(ctx, digests)
	if err != nil {
		return err
	}
	a.report.Apps = len(apps)
	for _, path := range s.Files {
		if err := a.file(fileDir+filepath.Base(path), path); err != nil {
			return err
		}
	}
	for _, app := range apps {
		path := filepath.Join(dir, "bundle")
		some, err := s.Git.Bundle(ctx, app.ID, path)
		if err != nil {
			return err
		}
		if !some {
			continue
		}
		a.report.Repositories++
		if err := errors.Join(a.file(gitDir+app.ID, path), os.Remove(path)); err != nil {
			return err
		}
	}
	return s.images(ctx, a, slices.Sorted(maps.Keys(digests)))
}

// needs lists the apps, and notes the images that are needed.
func (s Source) needs(ctx context.Context, digests map[string]bool) (apps []cloister.App, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		images, err := tx.Images()
		for _, d := range images {
			digests[d] = true
		}
		if err == nil {
			apps, err = tx.Apps(store.AppFilter{})
		}
		return err
	})
	return apps, err
}

func (s Source) images(ctx context.Context, a *archive, digests []string) error {
	l, err := s.Images.List(digests)
	if err != nil {
		return err
	}
	a.report.Images = len(l.Images)
	for _, digest := range l.Blobs() {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, size, err := s.Images.Blob(digest)
		if err != nil {
			return err
		}
		if err := errors.Join(a.add(blobDir+digest, size, f), f.Close()); err != nil {
			return err
		}
	}
	list, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return a.add(listName, int64(len(list)), strings.NewReader(string(list)))
}

// An archive is a backup in the making.
type archive struct {
	tar    *tar.Writer
	now    time.Time
	report Report
}

func (a *archive) add(name string, size int64, r io.Reader) error {
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: a.now, Format: tar.FormatPAX}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	n, err := io.CopyN(a.tar, r, size)
	a.report.Bytes += n
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// file adds a file as it is.
func (a *archive) file(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return a.add(name, info.Size(), f)
}

// made adds a file that is made for it, and gone afterwards.
func (a *archive) made(name, path string, write func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return a.file(name, path)
}

// A Target is what a backup is restored into: nothing may be there yet.
type Target struct {
	Database string // DSN
	Git      Repositories
	Images   *build.Store
	Files    string // directory
	Scratch  string // a directory for what is read before it is used
}

// Restore makes of a backup what it was made of. The database is last: what failed before can be begun again.
func (t Target) Restore(ctx context.Context, from io.Reader, lock Lock) (r Report, err error) {
	if err := store.Empty(ctx, store.Config{DSN: t.Database}); err != nil {
		return r, err
	}
	dir, err := os.MkdirTemp(t.Scratch, "restore-")
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	defer os.RemoveAll(dir)
	opened, err := age.Decrypt(from, lock.identity)
	if err != nil {
		return r, cloister.Errorf(cloister.Invalid, "This is no backup, or it was made with another key or passphrase: %v.", err)
	}
	unpacked, err := zstd.NewReader(opened)
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	defer unpacked.Close()
	x := extraction{Target: t, dir: dir}
	in := tar.NewReader(unpacked)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = x.take(ctx, h.Name, in)
		}
		if err != nil {
			return r, fmt.Errorf("restore: %w", err)
		}
	}
	if x.report == nil {
		return r, cloister.Errorf(cloister.Invalid, "The backup is not whole: its end is missing.")
	}
	copied, err := os.Open(x.scratch())
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	defer copied.Close()
	if err := store.Restore(ctx, store.Config{DSN: t.Database}, copied); err != nil {
		return r, err
	}
	return *x.report, nil
}

// An extraction is a backup that is being restored.
type extraction struct {
	Target
	dir    string
	report *Report
}

func (x *extraction) scratch() string { return filepath.Join(x.dir, "store") }

func (x *extraction) take(ctx context.Context, name string, r io.Reader) error {
	dir, base := filepath.Split(name)
	switch {
	case name == storeName:
		return keep(x.scratch(), r)
	case dir == fileDir && fs.ValidPath(base):
		return keep(filepath.Join(x.Files, base), r)
	case dir == gitDir && cloister.IsID(base):
		path := filepath.Join(x.dir, "bundle")
		if err := keep(path, r); err != nil {
			return err
		}
		return errors.Join(x.Git.Unbundle(ctx, base, path), os.Remove(path))
	case dir == blobDir:
		return x.Images.PutBlob(base, r)
	case name == listName:
		var l build.Listing
		if err := json.NewDecoder(r).Decode(&l); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return x.Images.Adopt(l)
	case name == reportName:
		x.report = &Report{}
		return json.NewDecoder(r).Decode(x.report)
	}
	return cloister.Errorf(cloister.Unsupported, "The backup has %q in it, of which this version knows nothing. Use a newer one.", name)
}

// keep writes a file for nobody else's eyes.
func keep(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}
