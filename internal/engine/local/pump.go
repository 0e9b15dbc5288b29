package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
	"golang.org/x/sys/unix"
)

// A pump moves one stream of a workload's output from its FIFO to the spool. The shim holds the other end of the
// FIFO, so what is written while this process is away waits there.
//
// Output leaves the FIFO only after it is in the spool: it is first copied without being consumed. A kill in between
// repeats some output, at most what a FIFO holds, and may tear the first line that is repeated; it loses none.
type pump struct {
	fifo    *os.File
	spool   *spool
	stderr  bool
	part    string // file that holds the beginning of a line whose end is not there yet
	begun   []byte
	stopped chan struct{}
	halt    sync.Once
	log     *slog.Logger
}

// makeFIFO makes the FIFO at path and holds it open, so that the reader does not see its end before the shim comes.
func makeFIFO(path string) (hold *os.File, err error) {
	if err := unix.Mkfifo(path, 0o600); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("make fifo: %w", err)
	}
	hold, err = os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("hold fifo: %w", err)
	}
	return hold, nil
}

// openPump opens the FIFO at path for reading.
func openPump(path string, s *spool, stderr bool, log *slog.Logger) (*pump, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open fifo: %w", err)
	}
	p := &pump{fifo: f, spool: s, stderr: stderr, part: path + ".part", stopped: make(chan struct{}), log: log}
	p.begun, _ = os.ReadFile(p.part)
	return p, nil
}

// run pumps until the shim lets go of the FIFO and all was read, or the pump is stopped.
func (p *pump) run() {
	defer p.fifo.Close()
	if err := p.pump(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		p.log.Error("output was lost", "fifo", p.fifo.Name(), "error", err)
	}
}

// stop ends run early, leaving in the FIFO what is there.
func (p *pump) stop() {
	p.halt.Do(func() {
		close(p.stopped)
		p.fifo.SetReadDeadline(time.Now())
	})
}

func (p *pump) pump() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := p.peek(int(w.Fd()), r, buf)
		if errors.Is(err, io.EOF) {
			return p.end()
		}
		if err != nil {
			return err
		}
		for {
			if err = p.keep(buf[:n]); err == nil || !errors.Is(err, unix.ENOSPC) {
				break
			}
			select { // the workload waits with us until there is room again
			case <-time.After(time.Second):
			case <-p.stopped:
				return os.ErrDeadlineExceeded
			}
		}
		if err != nil {
			return err
		}
		if err := p.consume(buf[:n]); err != nil {
			return err
		}
	}
}

// peek copies what the FIFO holds into buf and leaves it there.
func (p *pump) peek(pipe int, copied *os.File, buf []byte) (int, error) {
	conn, err := p.fifo.SyscallConn()
	if err != nil {
		return 0, err
	}
	var n int64
	var failed error
	err = conn.Read(func(fd uintptr) bool {
		for {
			n, failed = unix.Tee(int(fd), pipe, len(buf), unix.SPLICE_F_NONBLOCK)
			if failed != unix.EINTR {
				return failed != unix.EAGAIN
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, fmt.Errorf("copy fifo: %w", failed)
	case n == 0:
		return 0, io.EOF
	}
	return io.ReadFull(copied, buf[:n])
}

// consume takes out of the FIFO what peek saw. It is there, so there is no waiting, and no deadline.
func (p *pump) consume(buf []byte) error {
	conn, err := p.fifo.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for len(buf) > 0 && failed == nil {
			var n int
			if n, failed = unix.Read(int(fd), buf); failed == unix.EINTR {
				failed = nil
				continue
			}
			buf = buf[max(n, 0):]
			if n == 0 && failed == nil {
				failed = io.ErrUnexpectedEOF
			}
		}
	})
	return errors.Join(err, failed)
}

// keep puts the lines of chunk into the spool and remembers what is left over.
func (p *pump) keep(chunk []byte) error {
	text := append(bytes.Clone(p.begun), chunk...)
	var lines []engine.Line
	for {
		end := bytes.IndexByte(text[:min(len(text), maxLine+1)], '\n')
		switch {
		case end >= 0:
			lines = append(lines, p.line(text[:end]))
			text = text[end+1:]
			continue
		case len(text) > maxLine:
			lines = append(lines, p.line(text[:maxLine]))
			text = text[maxLine:]
			continue
		}
		break
	}
	if err := p.spool.add(lines); err != nil {
		return err
	}
	return p.remember(text)
}

func (p *pump) line(text []byte) engine.Line {
	return engine.Line{Stderr: p.stderr, Text: strings.TrimSuffix(string(text), "\r")}
}

func (p *pump) remember(text []byte) error {
	if len(text) == 0 && len(p.begun) == 0 {
		return nil
	}
	if err := os.WriteFile(p.part, text, 0o600); err != nil {
		return err
	}
	p.begun = bytes.Clone(text)
	return nil
}

// end makes a line of what came after the last newline.
func (p *pump) end() error {
	if len(p.begun) == 0 {
		return nil
	}
	if err := p.spool.add([]engine.Line{p.line(p.begun)}); err != nil {
		return err
	}
	return p.remember(nil)
}
