package doors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// A Taker is told about doors, by one goroutine.
type Taker interface {
	// Open gives a door, instead of the one at the same place, if there was one.
	Open(p Place, l *net.TCPListener)
	// Close takes a door away. It may not be there.
	Close(p Place)
	// Only says that all doors there are have been given: others are there no more.
	Only(there map[Place]bool)
}

// Follow connects to the node's socket and passes on what it says, until ctx is done or the connection ends, which is
// an error. The doors stay with the Taker.
func Follow(ctx context.Context, socket string, t Taker) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, Network, socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c := conn.(*net.UnixConn)
	there := map[Place]bool{}
	text, rights := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4))
	for {
		m, l, err := receive(c, text, rights)
		switch {
		case ctx.Err() != nil:
			if l != nil {
				l.Close()
			}
			return nil
		case err != nil:
			return err
		case l != nil:
			there[m.Place] = true
			t.Open(m.Place, l)
		case m.Gone:
			delete(there, m.Place)
			t.Close(m.Place)
		case m.All:
			t.Only(there)
		}
	}
}

// receive reads a message, and the listener that came with it, if any.
func receive(c *net.UnixConn, text, rights []byte) (m message, l *net.TCPListener, err error) {
	n, r, flags, _, err := c.ReadMsgUnix(text, rights)
	if err != nil {
		return m, nil, err
	}
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close() // the listener has a copy of its own
		}
	}()
	parts, err := unix.ParseSocketControlMessage(rights[:r])
	if err != nil {
		return m, nil, fmt.Errorf("read a door: %w", err)
	}
	for i := range parts {
		fds, err := unix.ParseUnixRights(&parts[i])
		if err != nil {
			return m, nil, fmt.Errorf("read a door: %w", err)
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "door"))
		}
	}
	switch {
	case n == 0:
		return m, nil, io.EOF
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 || len(files) > 1:
		return m, nil, errors.New("read a door: there is more than fits")
	}
	if err := json.Unmarshal(text[:n], &m); err != nil {
		return m, nil, fmt.Errorf("read a door: %w", err)
	}
	if len(files) == 0 {
		return m, nil, nil
	}
	any, err := net.FileListener(files[0])
	if err != nil {
		return m, nil, fmt.Errorf("open a door: %w", err)
	}
	l, ok := any.(*net.TCPListener)
	if !ok {
		any.Close()
		return m, nil, fmt.Errorf("open a door: %T is not a TCP listener", any)
	}
	return m, l, nil
}
