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
	outs   []*outlet
	copies sync.WaitGroup

	mu     sync.Mutex // guards what the copying of the input shares with close
	stdin  *os.File
	closed bool
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
		if err := unix.Mkfifo(s.config.Stdin, 0o600); err != nil {
			return nil, fmt.Errorf("make fifo: %w", err)
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
	hold, err := makeFIFO(path)
	if err != nil {
		return err
	}
	s.held = append(s.held, hold)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open fifo: %w", err)
	}
	s.outs = append(s.outs, &outlet{from: f, to: to})
	return nil
}

// openStdin waits until the shim has opened its end of the input, which may be a while after the process began: what
// is written before has no reader, and is lost. It fails with os.ErrClosed when the streams are closed meanwhile.
func (s *streams) openStdin() (*os.File, error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, os.ErrClosed
		}
		f, err := os.OpenFile(s.config.Stdin, os.O_WRONLY|unix.O_NONBLOCK, 0)
		s.stdin = f
		s.mu.Unlock()
		if !errors.Is(err, unix.ENXIO) { // nobody reads
			return f, err
		}
		time.Sleep(time.Millisecond)
	}
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
	if s.in == nil {
		return
	}
	go func() { // nobody waits for this one: the input may stay open long after the process
		stdin, err := s.openStdin()
		if err == nil {
			_, err = io.Copy(stdin, s.in)
			stdin.Close()
		}
		if !errors.Is(err, os.ErrClosed) {
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
	s.mu.Lock()
	if s.closed = true; s.stdin != nil {
		s.stdin.Close()
	}
	s.mu.Unlock()
	os.RemoveAll(s.dir)
}
