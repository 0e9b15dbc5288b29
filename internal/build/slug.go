package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/cloister-dev/cloister"
)

// ImportSlug makes an image of a slug that was built elsewhere, as the Platform API allows: a tar.gz with everything
// below ./app, which must match the slug's checksum if it has one. The slug it returns is the given one with what is
// known of the archive and the image; process types are the caller's.
func (b *Builder) ImportSlug(ctx context.Context, stack cloister.Stack, app string, slug cloister.Slug, r io.Reader) (cloister.Slug, error) {
	return b.store.ImportSlug(ctx, stack, app, slug, r, b.config.MaxSlug)
}

// ImportSlug is Builder.ImportSlug with a limit of its own.
func (s *Store) ImportSlug(ctx context.Context, stack cloister.Stack, app string, slug cloister.Slug, r io.Reader, maxSlug int64) (cloister.Slug, error) {
	if stack.RunImage == "" {
		return cloister.Slug{}, cloister.Errorf(cloister.Unavailable, "Stack %s has no images yet.", stack.Name)
	}
	var sum string
	layer, err := s.NewLayer(maxSlug, func(w io.Writer) (err error) {
		sum, err = copyImport(r, w, 8*maxSlug)
		return err
	})
	if errors.Is(err, errTooLarge) {
		layer.Drop()
		return cloister.Slug{}, cloister.Errorf(cloister.TooLarge, "Slug size: %s is too large (max is %s).", megabytes(layer.size), megabytes(maxSlug))
	}
	if err != nil {
		return cloister.Slug{}, err
	}
	defer layer.Drop()
	if slug.Checksum != "" && !strings.EqualFold(sum, slug.Checksum) {
		return cloister.Slug{}, cloister.Errorf(cloister.Invalid, "The slug does not match its checksum. Expected: %s Actual: %s", slug.Checksum, sum)
	}
	out, err := s.putSlug(ctx, stack, app, layer, slug)
	out.Checksum = sum
	return out, err
}

// checksummed reads r, and knows the checksum of all that was read.
func checksummed(r io.Reader) (io.Reader, func() string) {
	sum := sha256.New()
	return io.TeeReader(r, sum), func() string { return "SHA256:" + hex.EncodeToString(sum.Sum(nil)) }
}
