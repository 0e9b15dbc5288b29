package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/cloister-dev/cloister"
)

// A Listing is images of a store as another store can take them: descriptors, and what they consist of.
type Listing struct {
	Images []v1.Descriptor `json:"images"`
	blobs  []v1.Hash
}

// Blobs are the digests of all that the images consist of, "sha256:…", each once.
func (l Listing) Blobs() (out []string) {
	for _, h := range l.blobs {
		out = append(out, h.String())
	}
	return out
}

// List lists the images of these digests. One that is not in the store is NotFound.
func (s *Store) List(digests []string) (l Listing, err error) {
	index, err := s.index()
	if err != nil {
		return l, err
	}
	in, seen := map[string]v1.Descriptor{}, map[v1.Hash]bool{}
	for _, d := range index.Manifests {
		in[d.Digest.String()] = d
	}
	add := func(h v1.Hash) {
		if !seen[h] {
			seen[h] = true
			l.blobs = append(l.blobs, h)
		}
	}
	for _, digest := range digests {
		d, ok := in[digest]
		if !ok {
			return l, cloister.Errorf(cloister.NotFound, "There is no image %s in the store.", digest)
		}
		l.Images = append(l.Images, d)
		add(d.Digest)
		m, err := s.manifest(d.Digest)
		if err != nil {
			return l, err
		}
		add(m.Config.Digest)
		for _, layer := range m.Layers {
			add(layer.Digest)
		}
	}
	return l, nil
}

// Blob opens one of a listing's blobs, and tells its size in bytes.
func (s *Store) Blob(digest string) (*os.File, int64, error) {
	h, err := v1.NewHash(digest)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(s.blob(h))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// PutBlob takes a blob, if it is what its digest says.
func (s *Store) PutBlob(digest string, r io.Reader) error {
	h, err := v1.NewHash(digest)
	if err != nil {
		return err
	}
	return s.copyBlob(h, r)
}

// Adopt makes the images of a listing this store's own, when all that they consist of is there.
func (s *Store) Adopt(l Listing) error {
	return s.locked(func() error {
		for _, d := range l.Images {
			m, err := s.manifest(d.Digest)
			if err != nil {
				return err
			}
			for _, x := range append(m.Layers, m.Config) {
				if _, err := os.Stat(s.blob(x.Digest)); errors.Is(err, fs.ErrNotExist) {
					return cloister.Errorf(cloister.NotFound, "Image %s lacks %s.", d.Digest, x.Digest)
				}
			}
		}
		return s.editIndex(func(have []v1.Descriptor) []v1.Descriptor {
			for _, d := range l.Images {
				if !slices.ContainsFunc(have, func(h v1.Descriptor) bool { return h.Digest == d.Digest }) {
					have = append(have, d)
				}
			}
			return have
		})
	})
}

// manifest reads what an image consists of.
func (s *Store) manifest(digest v1.Hash) (m v1.Manifest, err error) {
	raw, err := os.ReadFile(s.blob(digest))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("read manifest %s: %w", digest, err)
	}
	return m, nil
}
