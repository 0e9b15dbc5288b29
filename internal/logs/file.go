package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// A file is the part of a stream that outlives the process: two pieces, the newer of which is appended to. When it
// holds as much as the stream may remember it becomes the older one, so that both together always hold enough.
type file struct {
	path  string // of the newer piece; the older has ".1" behind it
	lines int    // in the newer piece
	bytes int
}

func (f *file) older() string { return f.path + ".1" }

// load reads both pieces, calls each for every line and leaves the newer piece ready to be appended to: what a crash
// left of its last line is cut off.
func (f *file) load(each func(line)) error {
	for _, path := range []string{f.older(), f.path} {
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		whole := bytes.LastIndexByte(b, '\n') + 1
		n := 0
		for rest := b[:whole]; len(rest) > 0; n++ {
			var one []byte
			one, rest, _ = bytes.Cut(rest, []byte{'\n'})
			if l, ok := parseLine(one); ok {
				each(l)
			}
		}
		if path == f.path {
			f.lines, f.bytes = n, whole
			if whole < len(b) {
				if err := os.Truncate(path, int64(whole)); err != nil {
					return fmt.Errorf("cut log: %w", err)
				}
			}
		}
	}
	return nil
}

// append adds lines. When rotate is not nil, they begin a new piece, behind which rotate's text is written: the
// marks of workloads that would otherwise be forgotten with the older piece.
func (f *file) append(b []byte, rotate []byte) error {
	if rotate != nil {
		if err := os.Rename(f.path, f.older()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate log: %w", err)
		}
		f.lines, f.bytes = 0, 0
		b = append(b, rotate...)
	}
	if err := appendWhole(f.path, b); err != nil {
		return fmt.Errorf("append to log: %w", err)
	}
	f.lines += bytes.Count(b, []byte{'\n'})
	f.bytes += len(b)
	return nil
}

// appendWhole appends to a file all of b or nothing.
func appendWhole(path string, b []byte) error {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	whole, err := w.Seek(0, io.SeekEnd)
	if err == nil {
		if _, err = w.Write(b); err != nil {
			w.Truncate(whole) // the half of a line would spoil the next
		}
	}
	return errors.Join(err, w.Close())
}

// full reports whether a new piece should be begun.
func (f *file) full(c *Config) bool { return f.lines >= c.Lines || f.bytes >= c.Bytes }

// expire removes the older piece when nothing in it is younger than oldest.
func (f *file) expire(oldest time.Time) error {
	if info, err := os.Stat(f.older()); err == nil && info.ModTime().Before(oldest) {
		return os.Remove(f.older())
	}
	return nil
}

// remove deletes both pieces.
func (f *file) remove() error {
	f.lines, f.bytes = 0, 0
	for _, path := range []string{f.older(), f.path} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove log: %w", err)
		}
	}
	return nil
}
