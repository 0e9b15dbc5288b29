package addon

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/cloister-dev/cloister/internal/engine"
)

// Output runs a command inside the instance of a slot and returns what it wrote. A status other than 0 is an error that
// has the end of what the command complained of.
func (x Exec) Output(ctx context.Context, slot, input string, command ...string) (string, error) {
	var out, complaints bytes.Buffer
	status, err := x(ctx, slot, engine.Process{Command: command}, engine.Terminal{In: strings.NewReader(input), Out: &out, Err: &complaints})
	if err != nil {
		return "", fmt.Errorf("run %s in instance %s: %w", command[0], slot, err)
	}
	if status != 0 {
		said := strings.TrimSpace(complaints.String() + out.String())
		return out.String(), fmt.Errorf("%s in instance %s ended with status %d: %s", command[0], slot, status, said[max(0, len(said)-500):])
	}
	return out.String(), nil
}

// Dial connects from the instance of a slot to an address, "host:port", over TCP; the host 0.0.0.0 is the instance itself.
// Once there is a connection, it lasts until it is closed, whatever becomes of ctx.
func (x Exec) Dial(ctx context.Context, slot, address string) (net.Conn, error) {
	near, far := net.Pipe()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	late := context.AfterFunc(ctx, end)
	answer := &answer{to: far, begun: make(chan struct{})}
	failed := make(chan error, 1)
	go func() {
		defer far.Close()
		var why bytes.Buffer
		status, err := x(life, slot, engine.Process{Dial: address}, engine.Terminal{In: far, Out: answer, Err: &why})
		if err == nil {
			err = fmt.Errorf("status %d: %s", status, strings.TrimSpace(why.String()))
		}
		failed <- err
	}()
	var err error
	select {
	case <-answer.begun:
		if late() {
			return &tunnel{Conn: near, end: end}, nil
		}
		err = ctx.Err()
	case err = <-failed:
	}
	end()
	near.Close()
	return nil, fmt.Errorf("connect from instance %s to %s: %w", slot, address, err)
}

// An answer is what comes from the other side, but for the byte before it that says that there is a connection.
type answer struct {
	to    net.Conn
	once  sync.Once
	begun chan struct{}
}

func (a *answer) Write(p []byte) (int, error) {
	rest := p
	a.once.Do(func() {
		rest = p[min(1, len(p)):]
		close(a.begun)
	})
	if len(rest) == 0 {
		return len(p), nil
	}
	n, err := a.to.Write(rest)
	return n + len(p) - len(rest), err
}

// A tunnel takes the process that carries it along when it is closed.
type tunnel struct {
	net.Conn
	end context.CancelFunc
}

func (t *tunnel) Close() error {
	defer t.end()
	return t.Conn.Close()
}
