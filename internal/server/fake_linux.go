package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/cloister-dev/cloister/internal/engine/fake"
)

// runFake runs control and the router in one process on an engine that only pretends, as any user: to work on the
// API, the CLI and the dashboard. Builds fail there, and say so.
func runFake(ctx context.Context, c Config, log *slog.Logger) error {
	for _, dir := range []string{c.controlDir(), c.routerDir(), c.imagesDir(), filepath.Dir(c.feedSocket())} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return runControl(ctx, c, fake.New(fake.Config{}), log.With("process", "control")) })
	group.Go(func() error { return RunRouter(ctx, c, log.With("process", "router")) })
	return group.Wait()
}
