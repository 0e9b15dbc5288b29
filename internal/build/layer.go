package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// A Layer is a layer of an image that is being made. Its bytes are on disk, outside the layout, until the image is
// Put; Drop forgets them. It is a v1.Layer.
type Layer struct {
	store  *Store
	path   string
	digest v1.Hash // of the compressed bytes
	diffID v1.Hash // of the tar
	size   int64   // compressed
}

// errTooLarge is returned by NewLayer when the layer is larger than its limit, together with a Layer of which only
// the size is known.
var errTooLarge = errors.New("layer is too large")

// NewLayer makes a layer of the tar that write writes. Compressed, it may have at most limit bytes (0: any number);
// of a larger one the size is still measured, since its maker wants to know by how much it is too large.
func (s *Store) NewLayer(limit int64, write func(io.Writer) error) (_ *Layer, err error) {
	f, err := os.CreateTemp(s.path("incoming"), "layer-")
	if err != nil {
		return nil, fmt.Errorf("make a layer: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	packed := &meter{hash: sha256.New(), w: f, limit: limit}
	plain := &meter{hash: sha256.New()}
	z, err := gzip.NewWriterLevel(packed, 4)
	if err != nil {
		return nil, err
	}
	plain.w = z
	if err := write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	l := &Layer{store: s, path: f.Name(), digest: packed.sum(), diffID: plain.sum(), size: packed.n}
	if limit > 0 && packed.n > limit {
		return l, errTooLarge
	}
	return l, s.share(f.Name(), 0o644)
}

// Drop deletes the layer's bytes, unless they have become part of an image. It may be repeated.
func (l *Layer) Drop() { os.Remove(l.path) }

func (l *Layer) moveTo(path string) error { return os.Rename(l.path, path) }

func (l *Layer) Digest() (v1.Hash, error)             { return l.digest, nil }
func (l *Layer) DiffID() (v1.Hash, error)             { return l.diffID, nil }
func (l *Layer) Size() (int64, error)                 { return l.size, nil }
func (l *Layer) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }
func (l *Layer) Compressed() (io.ReadCloser, error)   { return l.open() }
func (l *Layer) Uncompressed() (io.ReadCloser, error) { return l.unpack() }

func (l *Layer) open() (*os.File, error) {
	f, err := os.Open(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return os.Open(l.store.blob(l.digest))
	}
	return f, err
}

func (l *Layer) unpack() (io.ReadCloser, error) {
	f, err := l.open()
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

// A meter counts and hashes what is written through it. Past its limit it goes on counting and writes nothing more.
type meter struct {
	w     io.Writer
	hash  hash.Hash
	n     int64
	limit int64
}

func (m *meter) Write(p []byte) (int, error) {
	m.hash.Write(p)
	m.n += int64(len(p))
	if m.limit > 0 && m.n > m.limit {
		return len(p), nil
	}
	return m.w.Write(p)
}

func (m *meter) sum() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(m.hash.Sum(nil))}
}
