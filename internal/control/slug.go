package control

import (
	"context"
	"io"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Import makes a slug of an archive that was built elsewhere and comes over the wire: what a build does for source
// code. It can be done once for a slug, which may run afterwards.
func (b *Builds) Import(ctx context.Context, appID, slugID string, r io.Reader) error {
	var app cloister.App
	var slug cloister.Slug
	var stack cloister.Stack
	if err := b.store.View(ctx, func(tx *store.Tx) (err error) {
		if app, err = tx.App(appID); err != nil {
			return err
		}
		if slug, err = tx.Slug(appID, slugID); err != nil {
			return err
		}
		stack, err = tx.Stack(slug.Stack)
		return err
	}); err != nil {
		return err
	}
	if slug.Image != "" {
		return cloister.Errorf(cloister.Conflict, "The archive of this slug has been uploaded already. Create another slug.")
	}
	slug, err := b.builder.ImportSlug(ctx, stack, app.Name, slug, r)
	if err != nil {
		return err
	}
	if err := b.store.Update(ctx, func(tx *store.Tx) error { return tx.FillSlug(slug) }); err != nil {
		return err
	}
	b.log.Info("slug imported", "app", app.ID, "slug", slug.ID, "image", slug.Image, "size", slug.Size)
	return nil
}
