package local

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister/internal/doors"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Entrances are the sockets on which the router answers inside spaces, at engine.Space.Internal. They are kept here,
// so that clients wait in them while there is no router, and never accepted on.
type entrances struct {
	mu      sync.Mutex
	open    map[string]entrance // by space
	changed chan struct{}       // closed when they change; nil: nobody waits for that
}

type entrance struct {
	at    netip.Addr
	doors []doors.Door
}

// Doors is the doors into all spaces that have an internal address. It makes the engine a doors.Source.
func (e *Engine) Doors() (all []doors.Door, changed <-chan struct{}) {
	n := &e.entrances
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changed == nil {
		n.changed = make(chan struct{})
	}
	for _, space := range slices.Sorted(maps.Keys(n.open)) {
		all = append(all, n.open[space].doors...)
	}
	return all, n.changed
}

// enter opens the doors of a space as it wants them, which may be not at all. It may be repeated.
func (n *entrances) enter(ns namespace, s engine.Space) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	was, open := n.open[s.ID]
	if was.at == s.Internal {
		return nil
	}
	now := entrance{at: s.Internal}
	if s.Internal.IsValid() {
		for _, port := range []uint16{80, 443} {
			f, err := listenInside(ns, netip.AddrPortFrom(s.Internal, port))
			if err != nil {
				now.close()
				return err
			}
			now.doors = append(now.doors, doors.Door{Place: doors.Place{Space: s.ID, Port: port}, Socket: f})
		}
		if n.open == nil {
			n.open = map[string]entrance{}
		}
		n.open[s.ID] = now
	} else {
		delete(n.open, s.ID)
	}
	n.news()
	if open {
		was.close()
	}
	return nil
}

// leave closes the doors of a space.
func (n *entrances) leave(space string) { n.enter("", engine.Space{ID: space}) } // which opens nothing, so nothing fails

// news wakes those who wait for a change. The lock is held.
func (n *entrances) news() {
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
}

// close lets go of all sockets. Routers that have them go on.
func (n *entrances) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for space, in := range n.open {
		in.close()
		delete(n.open, space)
	}
}

func (in entrance) close() {
	for _, d := range in.doors {
		d.Socket.Close()
	}
}

// listenInside opens a listening socket in a namespace. A router may still listen there with a socket that the process
// before this one opened. It is no net.Listener, which would wake this process for each connection that it leaves to
// the router.
func listenInside(ns namespace, at netip.AddrPort) (f *os.File, err error) {
	err = ns.do(func() error {
		// Clients that are waiting in the one socket when it closes, or still shaking hands, go over to the other.
		if err := sysctl("ipv4/tcp_migrate_req", "1"); err != nil && !errors.Is(err, fs.ErrNotExist) { // an old kernel
			return err
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		f = os.NewFile(uintptr(fd), at.String())
		if err := errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
			unix.Bind(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}),
		); err != nil {
			return err
		}
		return unix.Listen(fd, unix.SOMAXCONN)
	})
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, fmt.Errorf("listen inside the space on %s: %w", at, err)
	}
	return f, nil
}
