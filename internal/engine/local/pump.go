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
// A kill at any moment neither loses nor repeats a byte. The kernel moves output from the FIFO to a file, and what has
// arrived there is what has left the FIFO; and the spool records, with each batch of lines, how far into that file they
// reach. The file's bytes are counted from the workload's start; those that are in the spool are given back.
type pump struct {
	fifo    *os.File
	spool   *spool
	stderr  bool
	raw     *os.File
	size    int64 // of raw: where the FIFO's next byte goes
	kept    int64 // up to here raw is in the spool
	punched int64 // up to here raw is given back
	stopped chan struct{}
	halt    sync.Once
	log     *slog.Logger
}

const (
	pumpChunk  = 64 << 10 // what a FIFO holds
	pumpedMost = 1 << 20  // of raw that is kept longer than it is needed
)

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
	p := &pump{fifo: f, spool: s, stderr: stderr, stopped: make(chan struct{}), log: log}
	if err := p.openRaw(path + ".raw"); err != nil {
		f.Close()
		return nil, fmt.Errorf("open output: %w", err)
	}
	return p, nil
}

// openRaw goes on where the process before left off. After the machine's start there is nothing to go on with.
func (p *pump) openRaw(path string) (err error) {
	if p.raw, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	info, err := p.raw.Stat()
	if err == nil {
		p.kept = p.spool.reached(p.stderr)
		if p.size = info.Size(); p.size < p.kept {
			p.size, err = p.kept, p.raw.Truncate(p.kept)
		}
	}
	if err != nil {
		p.raw.Close()
	}
	return err
}

func (p *pump) close() {
	p.fifo.Close()
	p.raw.Close()
}

// run pumps until the shim lets go of the FIFO and all was read, or the pump is stopped.
func (p *pump) run() {
	defer p.close()
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
	err := p.patiently(func() error { return p.keep(false) })
	for err == nil {
		if err = p.patiently(p.take); err == nil {
			err = p.patiently(func() error { return p.keep(false) })
		}
	}
	if errors.Is(err, io.EOF) {
		return p.patiently(func() error { return p.keep(true) })
	}
	return err
}

// patiently does something again and again while the disk is full. The workload waits with us until there is room.
func (p *pump) patiently(do func() error) error {
	for {
		err := do()
		if !errors.Is(err, unix.ENOSPC) {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-p.stopped:
			return os.ErrDeadlineExceeded
		}
	}
}

// take moves what the FIFO holds to raw. io.EOF says that nobody can write to the FIFO any more.
func (p *pump) take() error {
	conn, err := p.fifo.SyscallConn()
	if err != nil {
		return err
	}
	to := int(p.raw.Fd())
	var n int64
	var failed error
	err = conn.Read(func(fd uintptr) bool {
		for {
			n, failed = unix.Splice(int(fd), nil, to, &p.size, pumpChunk, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
			if failed != unix.EINTR {
				return failed != unix.EAGAIN
			}
		}
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return fmt.Errorf("read fifo: %w", failed)
	case n == 0:
		return io.EOF
	}
	return nil
}

// keep puts the lines that raw has into the spool; at the end, also what comes after the last newline.
func (p *pump) keep(end bool) error {
	for p.kept < p.size {
		buf := make([]byte, min(p.size-p.kept, pumpChunk+maxLine))
		if _, err := p.raw.ReadAt(buf, p.kept); err != nil {
			return fmt.Errorf("read output: %w", err)
		}
		lines, used := p.split(buf, end && p.kept+int64(len(buf)) == p.size)
		if used == 0 {
			return nil
		}
		if err := p.spool.add(lines, p.stderr, p.kept+int64(used)); err != nil {
			return err
		}
		p.kept += int64(used)
	}
	return p.giveBack()
}

// split makes lines of text, and tells how much of it they took.
func (p *pump) split(text []byte, end bool) (lines []engine.Line, used int) {
	for used < len(text) {
		rest := text[used:]
		n := bytes.IndexByte(rest[:min(len(rest), maxLine+1)], '\n')
		switch {
		case n >= 0:
			used += n + 1
		case len(rest) > maxLine:
			n = maxLine
			used += n
		case end:
			n = len(rest)
			used += n
		default:
			return lines, used
		}
		lines = append(lines, engine.Line{Stderr: p.stderr, Text: strings.TrimSuffix(string(rest[:n]), "\r")})
	}
	return lines, used
}

// giveBack frees the blocks of raw that are in the spool, now and then.
func (p *pump) giveBack() error {
	if p.kept-p.punched < pumpedMost {
		return nil
	}
	err := unix.Fallocate(int(p.raw.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, p.kept)
	if err != nil {
		return fmt.Errorf("give output's room back: %w", err)
	}
	p.punched = p.kept
	return nil
}
