package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/cloister-dev/cloister/internal/engine/local"
)

// bringDown ends the server, if one runs, and then takes away all that its engine made on this machine.
func bringDown(ctx context.Context, c Config) error {
	if err := c.mustBeRoot("stop it"); err != nil {
		return err
	}
	if pid := c.pidFile().process(); pid > 0 {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end the server (process %d): %w", pid, err)
		}
		if err := c.pidFile().await(60 * time.Second); err != nil {
			return fmt.Errorf("the server (process %d) does not end; see its log", pid)
		}
	}
	if c.Engine != "local" {
		return nil
	}
	if _, err := os.Stat(c.nodeDir()); err != nil {
		return nil // nothing ever ran here
	}
	e, err := local.New(ctx, engineConfig(c), logger("down"))
	if err != nil {
		return fmt.Errorf("take away the dynos and networks: %w", err)
	}
	return e.Teardown(ctx)
}

// mustBeRoot refuses what only root can do to a server with real networks and containers.
func (c Config) mustBeRoot(what string) error {
	if c.Engine != "local" || os.Geteuid() == 0 {
		return nil
	}
	return fmt.Errorf("only root may %s: the server makes networks and containers. Use sudo", what)
}
