package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// An Engine is engine.Engine on this machine.
type Engine struct {
	Config
	log      *slog.Logger
	daemon   *daemon
	images   *imageStore
	volumes  *volumeStore
	netlink  *netlink.Handle // of the machine's namespace
	mtu      int
	keeper   *keeper
	pulses   map[string]*pulse // by zone; as the zones, they never change
	initFile string
	swap     bool     // the kernel can limit swap
	lock     *os.File // held while this engine is open: two at once would undo each other's work
	events   hub

	entrances entrances

	life       context.Context // until Close
	end        context.CancelFunc
	background sync.WaitGroup

	mu        sync.Mutex
	spaces    map[string]*space
	workloads map[string]*workload
	transit   *addressBook

	hostLoading sync.Mutex // held while nft runs; guards hostTable
	hostTable   table
	holding     sync.Mutex // held while ingress addresses change
	joining     sync.Mutex // held while links to peers change
	flows       int        // that a namespace can keep
}

var _ engine.Engine = (*Engine)(nil)

// New opens the engine, finds what a process before it left running, and goes on with it.
func New(ctx context.Context, c Config, log *slog.Logger) (*Engine, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, cloister.Errorf(cloister.Unsupported, "The local engine must run as root.")
	}
	e := &Engine{Config: c, log: log, spaces: map[string]*space{}, workloads: map[string]*workload{},
		pulses: map[string]*pulse{}, transit: newAddressBook(), volumes: newVolumeStore(filepath.Join(c.State, "volumes"))}
	e.life, e.end = context.WithCancel(context.Background())
	if err := e.open(ctx); err != nil {
		err = e.explain(err)
		e.Close()
		return nil, fmt.Errorf("open local engine: %w", err)
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) (err error) {
	for _, dir := range []string{e.State, e.Run} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	if e.lock, err = lockFile(filepath.Join(e.Run, "lock")); err != nil {
		return err
	}
	if e.initFile, err = installInit(e.State, e.Init); err != nil {
		return err
	}
	e.keeper = &keeper{socket: filepath.Join(e.Run, "keeper.sock"), binary: e.initFile}
	if _, err := e.keeper.ensure(); err != nil {
		return err
	}
	if e.netlink, err = netlink.NewHandle(unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER); err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	e.mtu = uplinkMTU(e.netlink)
	e.swap, e.flows = cgroups.swapLimits(), flowTable()
	if err := e.readSpaces(); err != nil {
		return err
	}
	// Nothing of ours passes before the rules are there.
	if err := e.loadHost(ctx); err != nil {
		return err
	}
	if e.daemon, err = openDaemon(ctx, e.Config, e.log); err != nil {
		return err
	}
	e.images = newImageStore(e.daemon, e.Images)
	if err := e.feelZones(ctx); err != nil {
		return err
	}
	if err := e.restore(ctx); err != nil {
		return err
	}
	e.background.Go(e.sweep)
	e.background.Go(e.guardFlows)
	e.background.Go(e.keepKeeper)
	return nil
}

// Close lets go of everything and leaves it running.
func (e *Engine) Close() error {
	e.end()
	e.background.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, sp := range e.spaces {
		sp.names.close()
	}
	e.entrances.close()
	if e.daemon != nil {
		e.daemon.close()
	}
	if e.netlink != nil {
		e.netlink.Close()
	}
	if e.lock != nil {
		e.lock.Close()
	}
	return nil
}

// Nodes lists the zones of this machine: each is a slice of it, with a control group of its own. It is healthy while
// processes in there get to run.
func (e *Engine) Nodes(context.Context) ([]engine.Node, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return nil, fmt.Errorf("ask for memory: %w", err)
	}
	memory := int64(info.Totalram) * int64(info.Unit)
	runs := e.daemon.answers()
	var out []engine.Node
	for _, z := range e.Zones {
		out = append(out, engine.Node{ID: e.node(z), Zone: z, Healthy: runs && e.pulses[z].works(), Memory: memory / int64(len(e.Zones)),
			CPU: max(1, runtime.NumCPU()*1000/len(e.Zones))})
	}
	return out, nil
}

func (e *Engine) node(zone string) string { return e.Name + "-" + zone }

// sweep forgets images that nobody needs, now and then.
func (e *Engine) sweep() {
	e.every(10*time.Minute, "unused images were not removed", func() error { return e.images.sweep(e.life, e.usesImage) })
}

// every does something again and again until the engine is closed, and warns when it fails.
func (e *Engine) every(pause time.Duration, failed string, do func() error) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-e.life.Done():
			return
		case <-tick.C:
		}
		if err := do(); err != nil && e.life.Err() == nil {
			e.log.Warn(failed, "error", err)
		}
	}
}

func (e *Engine) usesImage(manifest string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.workloads {
		if w.spec.Image == manifest {
			return true
		}
	}
	return false
}

func (e *Engine) now() time.Time { return time.Now().Round(0).UTC() }

func (e *Engine) saveTransit() error {
	return write(filepath.Join(e.State, "transit.json"), e.transit)
}

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, cloister.Errorf(cloister.Conflict, "Another local engine uses %s. End it first.", filepath.Dir(path))
	} else if err != nil {
		f.Close()
		return nil, fmt.Errorf("take lock: %w", err)
	}
	return f, nil
}

// uplinkMTU is the packet size of the machine's default route, so that workloads need not find out.
func uplinkMTU(h *netlink.Handle) int {
	routes, _ := h.RouteList(nil, netlink.FAMILY_V4)
	for _, r := range routes {
		if r.Dst != nil && r.Dst.IP.IsUnspecified() || r.Dst == nil {
			if l, err := netlink.LinkByIndex(r.LinkIndex); err == nil {
				return l.Attrs().MTU
			}
		}
	}
	return 1500
}
