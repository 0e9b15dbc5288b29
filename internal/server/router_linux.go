package server

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cloister-dev/cloister/internal/router"
)

// RunRouter runs the ingress router, with its table from control's feed.
func RunRouter(ctx context.Context, c Config, log *slog.Logger) error {
	plain, err := inherited(0, c.HTTP)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	secure, err := inherited(1, c.HTTPS)
	if err != nil {
		return fmt.Errorf("listen for HTTPS: %w", err)
	}
	config := router.Config{Socket: c.feedSocket(), Doors: c.doorSocket(), State: c.routerDir(), DynoRequests: c.DynoRequests, HTTPListener: plain, HTTPSListener: secure}
	if c.HTTP3 {
		if config.QUICSocket, err = inheritedPackets(2, c.HTTPS); err != nil {
			return fmt.Errorf("listen for HTTP/3: %w", err)
		}
	}
	r, err := router.New(config, log)
	if err != nil {
		return err
	}
	return r.Run(ctx)
}
