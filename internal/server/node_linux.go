package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"github.com/cloister-dev/cloister/internal/engine/local"
	"github.com/cloister-dev/cloister/internal/engine/remote"
)

// RunNode runs the engine of this machine, as root, for control to reach on a unix socket.
func RunNode(ctx context.Context, c Config, log *slog.Logger) error {
	e, err := local.New(ctx, engineConfig(c), log)
	if err != nil {
		return err
	}
	defer e.Close()
	socket := c.nodeSocket()
	os.Remove(socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listen for control: %w", err)
	}
	// Whoever may connect is found out from the kernel; the mode is a second lock.
	if err := os.Chown(socket, c.ControlUID, c.ControlUID); err != nil {
		return err
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return err
	}
	go giveBack(ctx)
	return remote.Serve(ctx, l, e, []int{0, c.ControlUID}, log)
}

func engineConfig(c Config) local.Config {
	out := local.Config{Name: c.Name, State: c.nodeDir(), Run: c.Run, Images: c.imagesDir(), Containerd: c.Containerd,
		Zones: c.Zones, Masquerade: c.OutboundMasquerade, RouterUID: c.RouterUID}
	out.Transit, _ = netip.ParsePrefix(c.Transit) // validated
	if p, err := netip.ParsePrefix(c.OutboundPool); err == nil {
		out.Outbound = []netip.Prefix{p}
	}
	return out
}
