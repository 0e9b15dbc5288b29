package gitd

import (
	"context"
	"errors"
	"path/filepath"
	"time"
)

const (
	tidyPacks = 50 // each push leaves a pack; so many are slow to look through
	tidyTime  = 10 * time.Minute
)

// tidy packs a repository that has become many packs, in the background and one repository at a time. Nothing is
// ever packed while somebody waits for a push.
func (h *Handler) tidy(repo repository) {
	packs, err := filepath.Glob(filepath.Join(string(repo), "objects", "pack", "*.pack"))
	if err != nil || len(packs) < tidyPacks || !h.tidying.TryLock() {
		return // the next push will ask again
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), tidyTime, errors.New("packing takes too long"))
	h.wg.Go(func() {
		defer h.tidying.Unlock()
		defer cancel()
		if _, err := h.command(ctx, repo, "gc", "--quiet").output(); err != nil {
			h.log.Warn("repository was not packed", "repository", repo.name(), "error", err)
		}
	})
	h.wg.Go(func() {
		select {
		case <-h.stop:
			cancel()
		case <-ctx.Done():
		}
	})
}
