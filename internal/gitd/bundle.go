package gitd

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Bundle writes what is in an app's repository to a file, in git's own format for that; all of one moment, whatever is pushed
// meanwhile. It reports whether there was anything: an app that was never pushed to has no repository, or an empty one.
func (h *Handler) Bundle(ctx context.Context, appID, file string) (bool, error) {
	repo := h.path(appID)
	if _, err := os.Stat(string(repo)); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	refs, err := h.command(ctx, repo, "for-each-ref", "--count=1").output()
	if err != nil || len(refs) == 0 {
		return false, err
	}
	if _, err := h.command(ctx, repo, "bundle", "create", "--quiet", file, "--all").output(); err != nil {
		return false, fmt.Errorf("bundle repository %s: %w", repo.name(), err)
	}
	return true, nil
}

// Unbundle makes an app's repository of a file that Bundle wrote.
func (h *Handler) Unbundle(ctx context.Context, appID, file string) error {
	repo, err := h.open(ctx, appID)
	if err != nil {
		return err
	}
	if _, err := h.command(ctx, repo, "-c", "protocol.file.allow=always", "fetch", "--quiet", file, "+refs/*:refs/*").output(); err != nil {
		return fmt.Errorf("unbundle repository %s: %w", repo.name(), err)
	}
	return nil
}
