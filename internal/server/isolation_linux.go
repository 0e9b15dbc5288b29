package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister/internal/cli"
	"github.com/cloister-dev/cloister/internal/engine/local/inside"
	"github.com/cloister-dev/cloister/internal/engine/remote"
	"github.com/cloister-dev/cloister/internal/isolation"
)

// Isolation is `cloister doctor isolation`: it attacks two throw-away spaces of the engine that runs on this machine,
// beside those of customers, and tells of each attack.
func Isolation(ctx context.Context, only []string, told func(cli.Attack)) error {
	c, err := Load("", os.Environ())
	if err != nil {
		return err
	}
	if c.Engine != "local" {
		return fmt.Errorf("the engine %s has no networks that could be attacked", c.Engine)
	}
	if err := c.mustBeRoot("attack its networks"); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(c.Run, "isolation.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("the server does not run here: start it with `make up` or `cloister server`")
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.New("another `cloister doctor isolation` runs on this machine; wait until it has ended")
	}
	e := remote.Dial(c.nodeSocket())
	defer e.Close()
	if _, err := e.Nodes(ctx); err != nil {
		return fmt.Errorf("the engine does not answer: %w", err)
	}
	image, remove, err := isolation.WriteImage(c.imagesDir(), inside.Path)
	if err != nil {
		return err
	}
	defer remove()
	places := engineConfig(c)
	o := isolation.Options{Places: places, Image: image, Pool: places.Outbound, Ingress: places.Ingress, Transit: places.Transit, Masquerade: c.OutboundMasquerade, Only: only,
		Told: func(r isolation.Result) {
			told(cli.Attack{ID: r.ID, Name: r.Name, Expected: r.Expect, Seen: r.Seen, Result: string(r.State), Took: r.Took})
		}}
	if !o.Transit.IsValid() {
		o.Transit = netip.MustParsePrefix("100.64.0.0/10")
	}
	_, err = isolation.Run(ctx, e, o)
	return err
}
