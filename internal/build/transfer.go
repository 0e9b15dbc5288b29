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
	for _, digest := range digests {
		d, ok := in[digest]
		if !ok {
			return l, cloister.Errorf(cloister.NotFound, "There is no image %s in the store.", digest)
		}
		l.Images = append(l.Images, d)
		parts, err := s.parts(d.Digest)
		if err != nil {
			return l, err
		}
		for _, h := range parts {
			if !seen[h] {
				seen[h] = true
				l.blobs = append(l.blobs, h)
			}
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
			parts, err := s.parts(d.Digest)
			if err != nil {
				return err
			}
			for _, h := range parts {
				if _, err := os.Stat(s.blob(h)); errors.Is(err, fs.ErrNotExist) {
					return cloister.Errorf(cloister.NotFound, "Image %s lacks %s.", d.Digest, h)
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

// parts are the blobs that an image consists of: its manifest, its config and its layers.
func (s *Store) parts(digest v1.Hash) ([]v1.Hash, error) {
	raw, err := os.ReadFile(s.blob(digest))
	if err != nil {
		return nil, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", digest, err)
	}
	out := []v1.Hash{digest, m.Config.Digest}
	for _, l := range m.Layers {
		out = append(out, l.Digest)
	}
	return out, nil
}
