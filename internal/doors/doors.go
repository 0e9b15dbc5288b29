// Package doors hands listening sockets from the node process to the router. The node, which is root, opens them
// inside the networks of spaces, where apps with internal routing answer; the router, which may go nowhere, accepts
// connections on them. So there is no new way from a space to the machine.
//
// Both processes may be killed at any time. The node keeps its sockets, with the connections that wait in them, while
// there is no router; and the router keeps what it was given while there is no node. A node that comes back opens the
// same addresses again, beside those that the router still holds: the router lets go of the old when it has the new.
//
// The package refuses to say who may connect: whoever serves must know the other end (see server.only).
package doors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Network is the kind of unix socket that doors are handed over by: a message stays whole, with its socket.
const Network = "unixpacket"

// A Place is where in a space a door is. Port says what is spoken there: 80 is HTTP, 443 is TLS.
type Place struct {
	Space string
	Port  uint16
}

// A Door is a listening socket inside a space's network.
type Door struct {
	Place
	Socket *os.File
}

// A Source has doors.
type Source interface {
	// Doors is the doors that there are, and a channel that is closed when there are others. A door with the same
	// Place and another Socket takes the place of the one before.
	Doors() ([]Door, <-chan struct{})
}

// A message goes from the node to the router, with a socket if it opens a door.
type message struct {
	Place
	Gone bool `json:",omitempty"` // the door is there no more
	All  bool `json:",omitempty"` // all doors have been named by now: what was not named is there no more
}

const maxMessage = 512

// Serve hands the doors of a source to everyone who connects, and tells them of each change, until ctx is done.
func Serve(ctx context.Context, l net.Listener, source Source) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serve doors: %w", err)
		}
		u, ok := c.(*net.UnixConn)
		if !ok {
			c.Close()
			return fmt.Errorf("serve doors: %T is no unix socket", c)
		}
		serving.Go(func() { hand(ctx, u, source) })
	}
}

// hand tells one router about doors until it hangs up.
func hand(ctx context.Context, c *net.UnixConn, source Source) {
	ctx, cancel := context.WithCancel(ctx)
	var hearing sync.WaitGroup
	defer hearing.Wait()
	defer c.Close()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.Close() }) // also in the middle of a message
	defer stop()
	hearing.Go(func() { // nothing is ever said by the other end: this is how we hear it hang up
		defer cancel()
		c.Read(make([]byte, 1))
	})
	told := map[Place]*os.File{}
	for {
		all, changed := source.Doors()
		if tell(c, told, all) != nil {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// tell says how all differs from what was told before.
func tell(c *net.UnixConn, told map[Place]*os.File, all []Door) error {
	now := map[Place]bool{}
	for _, d := range all {
		now[d.Place] = true
		if told[d.Place] == d.Socket {
			continue
		}
		err := send(c, message{Place: d.Place}, d.Socket)
		if errors.Is(err, os.ErrClosed) {
			continue // it was closed just now, and there is another list
		}
		if err != nil {
			return err
		}
		told[d.Place] = d.Socket
	}
	for place := range told {
		if now[place] {
			continue
		}
		if err := send(c, message{Place: place, Gone: true}, nil); err != nil {
			return err
		}
		delete(told, place)
	}
	return send(c, message{All: true}, nil)
}

func send(c *net.UnixConn, m message, socket *os.File) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(text) > maxMessage {
		return fmt.Errorf("the message about %s has %d bytes", m.Space, len(text))
	}
	if socket == nil {
		_, _, err = c.WriteMsgUnix(text, nil, nil)
		return err
	}
	raw, err := socket.SyscallConn() // unlike Fd it keeps others from closing it meanwhile
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) { _, _, sent = c.WriteMsgUnix(text, unix.UnixRights(int(fd)), nil) })
	if err != nil {
		return os.ErrClosed
	}
	return sent
}
