package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/store"
)

// A housekeeper throws away what nobody needs any more: images of releases that are gone, and sources that were built.
type housekeeper struct {
	store   *store.Store
	images  *build.Store
	sources uploads
	log     *slog.Logger
}

const (
	tidyAfter = 10 * time.Minute
	tidyEvery = time.Hour
	imageAge  = 24 * time.Hour // younger images may belong to a build that is not released yet
)

// run tidies up every hour until ctx is done. It begins a while after the start, when whatever is in the middle of
// being put in place (a stack that root has built and is about to name) is known.
func (h *housekeeper) run(ctx context.Context) error {
	wait := time.NewTimer(tidyAfter)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		if err := h.tidy(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("could not tidy up", "err", err)
		}
		wait.Reset(tidyEvery)
	}
}

func (h *housekeeper) tidy(ctx context.Context) error {
	keep := map[string]bool{}
	if err := h.store.View(ctx, func(tx *store.Tx) error {
		digests, err := tx.Images()
		for _, d := range digests {
			keep[d] = true
		}
		return err
	}); err != nil {
		return err
	}
	freed, err := h.images.Collect(keep, time.Now().Add(-imageAge))
	if err != nil {
		return err
	}
	if freed > 0 {
		h.log.Info("unused images removed", "bytes", freed)
	}
	return h.sources.Sweep()
}
