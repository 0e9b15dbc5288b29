package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/cloister-dev/cloister"
)

// A Store keeps images in a directory that is an OCI image layout. An image is addressed by the digest of its
// manifest, "sha256:…". Everything in it is readable by everybody on the machine, since the node process, which runs
// under another user, reads it while control writes. The index is replaced atomically, after all that it refers to
// is there; writers in several processes exclude each other by a lock file.
type Store struct {
	dir string
	mu  sync.Mutex // the lock file excludes other processes, this the other goroutines
}

// AnnotationName is the index's annotation that tells people what an image is: "debian-12 run", an app's name.
const AnnotationName = "org.opencontainers.image.ref.name"

// OpenStore opens the store in dir, and makes it if it is not there.
func OpenStore(dir string) (*Store, error) {
	s := &Store{dir: dir}
	for _, d := range []string{dir, s.path("blobs"), s.path("blobs", "sha256"), s.path("incoming"), s.path("cache")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("make the image store: %w", err)
		}
		if err := s.share(d, 0o755); err != nil {
			return nil, err
		}
	}
	return s, s.locked(func() error {
		if err := s.writeOnce("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
			return err
		}
		empty, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}})
		if err != nil {
			return err
		}
		return s.writeOnce("index.json", empty)
	})
}

// Dir is the directory of the layout.
func (s *Store) Dir() string { return s.dir }

// Image returns the image with the given digest. NotFound if it is not in the store.
func (s *Store) Image(digest string) (v1.Image, error) {
	h, err := v1.NewHash(digest)
	if err != nil {
		return nil, cloister.Errorf(cloister.NotFound, "There is no image %q.", digest)
	}
	if _, err := os.Stat(s.blob(h)); errors.Is(err, fs.ErrNotExist) {
		return nil, cloister.Errorf(cloister.NotFound, "There is no image %s in the store.", digest)
	}
	img, err := layout.Path(s.dir).Image(h)
	if err != nil {
		return nil, fmt.Errorf("open image %s: %w", digest, err)
	}
	return img, nil
}

// Put keeps an image and returns its digest. Layers made by NewLayer are moved into place, others are copied. It may
// be repeated.
func (s *Store) Put(ctx context.Context, img v1.Image, name string) (string, error) {
	layers, err := img.Layers()
	if err != nil {
		return "", fmt.Errorf("list layers: %w", err)
	}
	desc, err := partial.Descriptor(img)
	if err != nil {
		return "", fmt.Errorf("describe image: %w", err)
	}
	desc.Annotations = map[string]string{AnnotationName: name}
	err = s.locked(func() error {
		for _, l := range layers {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.putLayer(l); err != nil {
				return err
			}
		}
		config, err := img.RawConfigFile()
		if err != nil {
			return err
		}
		configName, err := img.ConfigName()
		if err != nil {
			return err
		}
		manifest, err := img.RawManifest()
		if err != nil {
			return err
		}
		if err := s.writeFile(s.blob(configName), config); err != nil {
			return err
		}
		if err := s.writeFile(s.blob(desc.Digest), manifest); err != nil {
			return err
		}
		return s.editIndex(func(have []v1.Descriptor) []v1.Descriptor {
			kept := have[:0]
			for _, d := range have {
				if d.Digest != desc.Digest {
					kept = append(kept, d)
				}
			}
			return append(kept, *desc)
		})
	})
	if err != nil {
		return "", fmt.Errorf("keep image %s: %w", name, err)
	}
	return desc.Digest.String(), nil
}

// Collect forgets every image that keep does not name and that was put before the given time, and deletes the blobs
// that no remaining image needs. The time protects images whose release is only just being written down. It returns
// how many bytes were freed.
func (s *Store) Collect(keep map[string]bool, before time.Time) (freed int64, err error) {
	err = s.locked(func() error {
		if err := s.editIndex(func(have []v1.Descriptor) []v1.Descriptor {
			kept := have[:0]
			for _, d := range have {
				if keep[d.Digest.String()] || !s.olderThan(s.blob(d.Digest), before) {
					kept = append(kept, d)
				}
			}
			return kept
		}); err != nil {
			return err
		}
		needed, err := s.needed()
		if err != nil {
			return err
		}
		freed, err = s.sweep(s.path("blobs", "sha256"), func(name string) bool { return !needed[name] })
		if err != nil {
			return err
		}
		// What a killed process left half written. A build lasts minutes; nothing incoming is a day old.
		stale := time.Now().Add(-24 * time.Hour)
		n, err := s.sweep(s.path("incoming"), func(name string) bool { return s.olderThan(s.path("incoming", name), stale) })
		freed += n
		return err
	})
	if err != nil {
		return freed, fmt.Errorf("collect images: %w", err)
	}
	return freed, nil
}

// needed is the set of blobs, by file name, that the images of the index consist of.
func (s *Store) needed() (map[string]bool, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, d := range index.Manifests {
		parts, err := s.parts(d.Digest)
		if err != nil {
			return nil, err
		}
		for _, h := range parts {
			out[h.Hex] = true
		}
	}
	return out, nil
}

func (s *Store) sweep(dir string, drop func(name string) bool) (freed int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if e.IsDir() || !drop(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil {
			freed += info.Size()
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return freed, err
		}
	}
	return freed, nil
}

func (s *Store) olderThan(path string, t time.Time) bool {
	info, err := os.Stat(path)
	return err != nil || info.ModTime().Before(t)
}

func (s *Store) putLayer(l v1.Layer) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	own, made := l.(*Layer)
	if made { // also over one that is there already: should that one be damaged, it is mended by this
		if err := own.moveTo(s.blob(digest)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if _, err := os.Stat(s.blob(digest)); err == nil || made {
		return err
	}
	r, err := l.Compressed()
	if err != nil {
		return fmt.Errorf("read layer %s: %w", digest, err)
	}
	defer r.Close()
	return s.copyBlob(digest, r)
}

// copyBlob keeps what a digest says, or nothing.
func (s *Store) copyBlob(digest v1.Hash, r io.Reader) error {
	f, err := os.CreateTemp(s.path("incoming"), "blob-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	got, size, err := v1.SHA256(io.TeeReader(r, f))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", digest, err)
	}
	if got != digest {
		return fmt.Errorf("%s has the digest %s after %d bytes", digest, got, size)
	}
	if err := s.share(f.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.blob(digest))
}

func (s *Store) index() (v1.IndexManifest, error) {
	var m v1.IndexManifest
	raw, err := os.ReadFile(s.path("index.json"))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("read the index of images: %w", err)
	}
	return m, nil
}

func (s *Store) editIndex(edit func([]v1.Descriptor) []v1.Descriptor) error {
	m, err := s.index()
	if err != nil {
		return err
	}
	m.Manifests = edit(m.Manifests)
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.writeFile(s.path("index.json"), raw)
}

func (s *Store) writeOnce(name string, data []byte) error {
	if _, err := os.Stat(s.path(name)); err == nil {
		return nil
	}
	return s.writeFile(s.path(name), data)
}

// writeFile writes a file whole or not at all: a reader sees the old content or the new one.
func (s *Store) writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(s.path("incoming"), "file-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := s.share(f.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// share makes a file readable by all, and gives it to whoever owns the store: `cloister stacks:build` runs as root,
// and control must be able to collect what it made.
func (s *Store) share(path string, mode fs.FileMode) error {
	if err := os.Chmod(path, mode); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(s.dir)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return os.Chown(path, int(owner.Uid), int(owner.Gid))
}

// locked runs fn while no other writer, in this process or another, is at work.
func (s *Store) locked(fn func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := os.OpenFile(s.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.share(f.Name(), 0o644); err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the image store: %w", err)
	}
	return fn()
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func (s *Store) blob(h v1.Hash) string { return s.path("blobs", h.Algorithm, h.Hex) }
