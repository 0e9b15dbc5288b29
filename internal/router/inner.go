package router

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/cloister-dev/cloister/internal/doors"
)

// innerDoors are the router's listeners inside the networks of spaces, as the node gives them. They are used by one
// goroutine.
type innerDoors struct {
	r    *Router
	open map[doors.Place]*innerDoor
}

// An innerDoor is a listener, and the goroutine that accepts on it.
type innerDoor struct {
	listener  *net.TCPListener
	accepting sync.WaitGroup
}

// followDoors keeps to the doors that the node gives until ctx is done. While the node is away the doors stay as they
// are; those who waited in them when the router ends are still served.
func (r *Router) followDoors(ctx context.Context) {
	if r.config.Doors == "" {
		return
	}
	d := &innerDoors{r: r, open: map[doors.Place]*innerDoor{}}
	for away := false; ctx.Err() == nil; pause(ctx, 200*time.Millisecond) {
		err := doors.Follow(ctx, r.config.Doors, d)
		if err != nil && !away {
			r.log.Warn("node is away, the doors into spaces stay as they are", "cause", err)
		}
		away = err != nil
	}
	for p := range d.open {
		d.close(p, false) // the node has it too, for the next router
	}
}

// Open begins to accept at a door, and only then lets go of the one before: there is no moment without one.
func (d *innerDoors) Open(p doors.Place, l *net.TCPListener) {
	in := &innerDoor{listener: l}
	in.accepting.Go(func() { d.r.accept(l, p.Space, d.serve(p)) })
	d.Close(p)
	d.open[p] = in
}

// Close stops accepting at a door.
func (d *innerDoors) Close(p doors.Place) { d.close(p, true) }

// Only closes all doors but some.
func (d *innerDoors) Only(there map[doors.Place]bool) {
	for p := range d.open {
		if !there[p] {
			d.Close(p)
		}
	}
}

// close stops accepting at a door, whoever else has it: or only here, if it is not for good.
func (d *innerDoors) close(p doors.Place, forGood bool) {
	in := d.open[p]
	if in == nil {
		return
	}
	delete(d.open, p)
	in.listener.SetDeadline(longAgo)
	in.accepting.Wait()
	d.r.shut(in.listener, p.Space, forGood, d.serve(p)) // only closing can fail, and then it is closed
}

func (d *innerDoors) serve(p doors.Place) func(*socket) {
	if p.Port == 443 {
		return d.r.serveTLS
	}
	return d.r.servePlain
}
