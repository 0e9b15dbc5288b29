package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/pkg/cio"
	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister/internal/engine"
)

// A streams joins a process's FIFOs with a caller's readers and writers.
type streams struct {
	dir    string
	config cio.Config
	in     io.Reader
	held   []*os.File // open until the shim has opened its own ends
	stdin  *os.File
	outs   []*outlet
	copies sync.WaitGroup
}

// An outlet copies one output.
type outlet struct {
	from  *os.File
	to    io.Writer
	moved atomic.Int64 // bytes
	busy  atomic.Bool  // in the writer's hands
	err   error
}

func openStreams(dir string, t engine.Terminal) (s *streams, err error) {
	s = &streams{dir: dir, in: t.In, config: cio.Config{Terminal: t.TTY}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make fifos: %w", err)
	}
	if t.In != nil {
		s.config.Stdin = filepath.Join(dir, "stdin")
		if s.stdin, err = s.open(s.config.Stdin, os.O_WRONLY); err != nil {
			return nil, err
		}
	}
	s.config.Stdout = filepath.Join(dir, "stdout")
	if err := s.outlet(s.config.Stdout, t.Out); err != nil {
		return nil, err
	}
	if !t.TTY {
		s.config.Stderr = filepath.Join(dir, "stderr")
		if err := s.outlet(s.config.Stderr, t.Err); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *streams) outlet(path string, to io.Writer) error {
	if to == nil {
		to = io.Discard
	}
	f, err := s.open(path, os.O_RDONLY)
	if err == nil {
		s.outs = append(s.outs, &outlet{from: f, to: to})
	}
	return err
}

func (s *streams) open(path string, mode int) (*os.File, error) {
	hold, err := makeFIFO(path)
	if err != nil {
		return nil, err
	}
	s.held = append(s.held, hold)
	f, err := os.OpenFile(path, mode|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open fifo: %w", err)
	}
	return f, nil
}

// began starts copying. noMore is called when the input is at its end.
func (s *streams) began(noMore func()) {
	for _, f := range s.held {
		f.Close()
	}
	s.held = nil
	for _, o := range s.outs {
		s.copies.Go(o.copy)
	}
	if s.stdin == nil {
		return
	}
	go func() { // nobody waits for this one: the input may stay open long after the process
		_, err := io.Copy(s.stdin, s.in)
		s.stdin.Close()
		if err == nil || !errors.Is(err, os.ErrClosed) {
			noMore()
		}
	}()
}

func (o *outlet) copy() {
	buf := make([]byte, 64<<10)
	for {
		n, err := o.from.Read(buf)
		if n > 0 {
			o.busy.Store(true)
			_, o.err = o.to.Write(buf[:n])
			o.moved.Add(int64(n))
			o.busy.Store(false)
		}
		if err != nil || o.err != nil {
			return
		}
	}
}

// drain waits until everything that the process wrote was passed on. A child that it left behind may hold its output
// open for ever; so when nothing has come for a while, that is the end.
func (s *streams) drain(ctx context.Context) error {
	all := make(chan struct{})
	go func() { s.copies.Wait(); close(all) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := int64(-1)
	for {
		select {
		case <-all:
			var errs error
			for _, o := range s.outs {
				errs = errors.Join(errs, o.err)
			}
			return errs
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			moved, busy := int64(0), false
			for _, o := range s.outs {
				moved, busy = moved+o.moved.Load(), busy || o.busy.Load()
			}
			if moved == last && !busy {
				for _, o := range s.outs {
					o.from.SetReadDeadline(time.Now())
				}
			}
			last = moved
		}
	}
}

func (s *streams) close() {
	for _, f := range s.held {
		f.Close()
	}
	for _, o := range s.outs {
		o.from.Close()
	}
	if s.stdin != nil {
		s.stdin.Close()
	}
	os.RemoveAll(s.dir)
}
