package control

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cloister-dev/cloister"
)

// A Shelf keeps the files of backups, by the ids of their transfers.
type Shelf struct{ dir string }

// OpenShelf makes a shelf in a directory, and throws away what was being written when the process before ended.
func OpenShelf(dir string) (*Shelf, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make room for backups: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.part"))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return &Shelf{dir}, err
}

func (s *Shelf) path(id string) string { return filepath.Join(s.dir, filepath.Base(id)+".dump") }

// Put keeps what write writes, whole or not at all.
func (s *Shelf) Put(id string, write func(io.Writer) error) (err error) {
	part := strings.TrimSuffix(s.path(id), ".dump") + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(part)
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(part, s.path(id))
}

// Open opens the file of a backup; NotFound if there is none.
func (s *Shelf) Open(id string) (io.ReadCloser, int64, error) {
	f, err := os.Open(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, cloister.Missing("backup")
	} else if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// Drop deletes the file of a backup. It may be repeated.
func (s *Shelf) Drop(id string) error {
	if err := os.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
