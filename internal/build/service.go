package build

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/services"
)

// BuildService makes the image of a data service that package services has a recipe for, out of Debian packages, and
// returns its digest. An image that an earlier build made by the same recipe is taken as it is. It must run as root, and
// needs mmdebstrap. The lines it writes to out are for people.
func BuildService(ctx context.Context, store *Store, name string, out io.Writer) (digest string, err error) {
	recipe, err := services.Find(name)
	if err != nil {
		return "", cloister.Errorf(cloister.NotFound, "%s.", strings.ToUpper(err.Error()[:1])+err.Error()[1:])
	}
	tag := name + " service " + recipe.Sum
	if digest, err = store.tagged(tag); digest != "" || err != nil {
		return digest, err
	}
	b, done, err := newBootstrap(store, "Service "+name, recipe.Suite, out)
	if err != nil {
		return "", err
	}
	defer done()
	fmt.Fprintf(out, "-----> Making the image of %s; this takes a minute\n", name)
	system, err := b.run(ctx, "system", recipe.Packages)
	if err != nil {
		return "", fmt.Errorf("make service %s: %w", name, err)
	}
	base, err := store.NewLayer(0, func(w io.Writer) error { return copySystem(system, w) })
	if err != nil {
		return "", fmt.Errorf("pack the system of %s: %w", name, err)
	}
	defer base.Drop()
	layers := []*Layer{base}
	if len(recipe.Jars) > 0 {
		more := filepath.Join(b.work, "more")
		if err := b.jars(ctx, store, recipe.Jars, filepath.Join(more, "cloister", "lib")); err != nil {
			return "", fmt.Errorf("get the files of %s: %w", name, err)
		}
		lib, err := store.NewLayer(0, func(w io.Writer) error { return copyFiles(os.DirFS(more), w) })
		if err != nil {
			return "", fmt.Errorf("pack the files of %s: %w", name, err)
		}
		defer lib.Drop()
		layers = append(layers, lib)
	}
	own, err := store.NewLayer(0, func(w io.Writer) error { return copyFiles(recipe.Files, w) })
	if err != nil {
		return "", fmt.Errorf("pack the files of %s: %w", name, err)
	}
	defer own.Drop()
	layers = append(layers, own)
	img, err := stackImage(layers...)
	if err != nil {
		return "", err
	}
	if digest, err = store.Put(ctx, img, tag); err == nil {
		size := int64(0)
		for _, l := range layers {
			size += l.size
		}
		fmt.Fprintf(out, "       Done: %s\n", megabytes(size))
	}
	return digest, err
}

// tagged is the digest of the newest image of a name, "" if there is none.
func (s *Store) tagged(name string) (digest string, err error) {
	index, err := s.index()
	if err != nil {
		return "", err
	}
	for _, d := range index.Manifests {
		if d.Annotations[AnnotationName] == name {
			digest = d.Digest.String()
		}
	}
	return digest, nil
}

// copyFiles writes files as root's: those in a directory bin for everybody to run, the others to read.
func copyFiles(files fs.FS, w io.Writer) error {
	out := tar.NewWriter(w)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, ModTime: stackDate}
		if path.Base(path.Dir(name)) == "bin" {
			h.Mode = 0o755
		}
		if d.IsDir() {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
			return writeEntry(out, name, h, nil)
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		h.Size = int64(len(content))
		return writeEntry(out, name, h, bytes.NewReader(content))
	})
	return errors.Join(err, out.Close())
}
