package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/cloister-dev/cloister/internal/doors"
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
	forControl, err := listenFor(c.ControlUID, "unix", c.nodeSocket())
	if err != nil {
		return fmt.Errorf("listen for control: %w", err)
	}
	forRouter, err := listenFor(c.RouterUID, doors.Network, c.doorSocket())
	if err != nil {
		return fmt.Errorf("listen for the router: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return giveBack(ctx) })
	group.Go(func() error { return remote.Serve(ctx, forControl, e, []int{0, c.ControlUID}, log) })
	group.Go(func() error { return doors.Serve(ctx, only{forRouter, byUser(0, c.RouterUID)}, e) })
	return group.Wait()
}

// listenFor opens a unix socket for a user. Whoever may connect is found out from the kernel; the mode is a second
// lock.
func listenFor(uid int, network, socket string) (net.Listener, error) {
	os.Remove(socket)
	l, err := net.Listen(network, socket)
	if err != nil {
		return nil, err
	}
	return l, errors.Join(os.Chown(socket, uid, uid), os.Chmod(socket, 0o600))
}

func engineConfig(c Config) local.Config {
	out := local.Config{Name: c.Name, State: c.nodeDir(), Run: c.Run, Images: c.imagesDir(), Containerd: c.Containerd,
		Zones: c.Zones, Masquerade: c.OutboundMasquerade, RouterUID: c.RouterUID, Ingress: c.ingressPool()}
	out.HTTPPort, _ = strconv.Atoi(portOf(c.HTTP)) // validated, as all below
	out.HTTPSPort, _ = strconv.Atoi(portOf(c.HTTPS))
	for _, n := range c.Networks {
		addresses, _ := netip.ParsePrefix(n.Addresses)
		gateway, _ := netip.ParseAddr(n.Gateway)
		out.Networks = append(out.Networks, local.Network{Name: n.Name, Interface: n.Interface, Addresses: addresses,
			Prefixes: prefixes(n.Prefixes), Gateway: gateway})
	}
	out.Transit, _ = netip.ParsePrefix(c.Transit)
	if p, err := netip.ParsePrefix(c.OutboundPool); err == nil {
		out.Outbound = []netip.Prefix{p}
	}
	return out
}
