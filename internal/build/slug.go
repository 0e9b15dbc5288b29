package build

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/cloister-dev/cloister"
)

// ImportSlug makes an image of a slug that was built elsewhere, as the Platform API allows: a tar.gz with everything
// below ./app. The slug it returns is the given one with what is known of the image; process types are the caller's.
func (s *Store) ImportSlug(ctx context.Context, stack cloister.Stack, app string, slug cloister.Slug, r io.Reader, maxSlug int64) (cloister.Slug, error) {
	if stack.RunImage == "" {
		return cloister.Slug{}, cloister.Errorf(cloister.Unavailable, "Stack %s has no images yet.", stack.Name)
	}
	layer, err := s.NewLayer(maxSlug, func(w io.Writer) error {
		plain, err := gunzip(bufio.NewReader(r))
		if err != nil {
			return err
		}
		return copyImport(plain, w, 8*maxSlug)
	})
	if errors.Is(err, errTooLarge) {
		return cloister.Slug{}, cloister.Errorf(cloister.TooLarge, "Slug size: %s is too large (max is %s).", megabytes(layer.size), megabytes(maxSlug))
	}
	if err != nil {
		return cloister.Slug{}, err
	}
	defer layer.Drop()
	return s.putSlug(ctx, stack, app, layer, slug)
}
