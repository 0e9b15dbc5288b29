package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

const (
	spoolPage = 1 << 20 // bytes in a page of a spool; a new page is begun when it is full
	spoolKeep = 3       // pages kept: the last two megabytes at least
	maxLine   = 10_000
)

// A spool keeps the last of a workload's output on disk, so that whoever reads may be away for a while. It is a
// directory of pages, "log.1", "log.2", …; a line of a page is the time in microseconds, "o" or "e", and the text.
type spool struct {
	dir string

	mu      sync.Mutex
	page    int // the page being written
	size    int64
	file    *os.File
	last    time.Time
	closed  bool          // nothing will ever be added
	changed chan struct{} // closed and replaced when something was added
}

// openSpool opens the spool in dir and goes on where the process before left off.
func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	s := &spool{dir: dir, page: 1, changed: make(chan struct{})}
	if pages := s.pages(); len(pages) > 0 {
		s.page = pages[len(pages)-1]
	}
	f, err := os.OpenFile(s.path(s.page), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s.file = f
	if err := s.resume(); err != nil {
		f.Close()
		return nil, fmt.Errorf("read spool: %w", err)
	}
	return s, nil
}

// resume finds the time of the last line, and cuts off a line that was written only in part.
func (s *spool) resume() error {
	text, err := os.ReadFile(s.path(s.page))
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	if whole < len(text) {
		if err := s.file.Truncate(int64(whole)); err != nil {
			return err
		}
	}
	s.size = int64(whole)
	if l, ok := parseLine(lastLine(text[:whole])); ok {
		s.last = l.At
	}
	return nil
}

// add appends lines. Their times are now, and strictly increasing.
func (s *spool) add(lines []engine.Line) error {
	if len(lines) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	now := time.Now().Truncate(time.Microsecond)
	var b bytes.Buffer
	for _, l := range lines {
		if !now.After(s.last) {
			now = s.last.Add(time.Microsecond)
		}
		s.last = now
		stream := 'o'
		if l.Stderr {
			stream = 'e'
		}
		fmt.Fprintf(&b, "%d %c %s\n", now.UnixMicro(), stream, l.Text)
	}
	n, err := s.file.Write(b.Bytes())
	if err != nil {
		s.file.Truncate(s.size) // half of it would be read as something else
		return fmt.Errorf("write spool: %w", err)
	}
	s.size += int64(n)
	close(s.changed)
	s.changed = make(chan struct{})
	if s.size >= spoolPage {
		return s.turn()
	}
	return nil
}

// turn begins a new page and forgets the oldest.
func (s *spool) turn() error {
	f, err := os.OpenFile(s.path(s.page+1), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("turn spool page: %w", err)
	}
	s.file.Close()
	s.file, s.page, s.size = f, s.page+1, 0
	for _, n := range s.pages() {
		if n <= s.page-spoolKeep {
			os.Remove(s.path(n))
		}
	}
	return nil
}

// close says that nothing will be added; readers end when they have read all.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.file.Close()
	close(s.changed)
}

// read yields the lines after since, and waits for more until the spool is closed or ctx is done.
func (s *spool) read(ctx context.Context, since time.Time) iter.Seq2[engine.Line, error] {
	return func(yield func(engine.Line, error) bool) {
		r := spoolReader{spool: s}
		defer r.close()
		for {
			l, err := r.next(ctx)
			if err == io.EOF {
				return
			}
			if err == nil && !l.At.After(since) {
				continue
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// A spoolReader is a place in a spool.
type spoolReader struct {
	spool *spool
	page  int
	file  *os.File
	text  *bufio.Reader
}

func (r *spoolReader) next(ctx context.Context) (engine.Line, error) {
	for {
		r.spool.mu.Lock()
		page, closed, changed := r.spool.page, r.spool.closed, r.spool.changed
		r.spool.mu.Unlock()
		if r.file == nil {
			if err := r.open(); err != nil {
				return engine.Line{}, err
			}
		}
		// Lines are written whole and under the lock, so what was there when it was taken can be read to the end.
		line, err := r.text.ReadBytes('\n')
		if err == nil {
			if l, ok := parseLine(line); ok {
				return l, nil
			}
			continue
		}
		if err != io.EOF {
			return engine.Line{}, fmt.Errorf("read spool: %w", err)
		}
		if len(line) > 0 { // written after the lock was released, and read in the middle
			r.text = bufio.NewReader(io.MultiReader(bytes.NewReader(line), r.file))
			continue
		}
		if r.page < page {
			r.close()
			continue
		}
		if closed {
			return engine.Line{}, io.EOF
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return engine.Line{}, ctx.Err()
		}
	}
}

// open opens the page after the one that was read: the oldest that is left.
func (r *spoolReader) open() error {
	for {
		pages := r.spool.pages()
		i := slices.IndexFunc(pages, func(n int) bool { return n > r.page })
		if i < 0 {
			return io.EOF // dropped meanwhile
		}
		r.page = pages[i]
		f, err := os.Open(r.spool.path(r.page))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("open spool: %w", err)
		}
		r.file, r.text = f, bufio.NewReader(f)
		return nil
	}
}

func (r *spoolReader) close() {
	if r.file != nil {
		r.file.Close()
	}
	r.file = nil
}

func (s *spool) path(page int) string { return filepath.Join(s.dir, "log."+strconv.Itoa(page)) }

// pages lists the pages there are, oldest first.
func (s *spool) pages() []int {
	entries, _ := os.ReadDir(s.dir)
	var out []int
	for _, e := range entries {
		if n, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "log.")); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func parseLine(b []byte) (engine.Line, bool) {
	at, rest, ok := strings.Cut(strings.TrimSuffix(string(b), "\n"), " ")
	micro, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || len(rest) < 2 {
		return engine.Line{}, false
	}
	return engine.Line{At: time.UnixMicro(micro).UTC(), Stderr: rest[0] == 'e', Text: rest[2:]}, true
}

func lastLine(text []byte) []byte {
	text = bytes.TrimSuffix(text, []byte("\n"))
	return text[bytes.LastIndexByte(text, '\n')+1:]
}
