package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
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
// directory of pages, "log.1", "log.2", …; a line of a page is the time in microseconds, "o" or "e", and the text. The
// last line of what was added together has behind the letter how far into the two streams the spool reaches by then:
// what a kill has cut short lacks it, and never was.
type spool struct {
	dir string

	mu      sync.Mutex
	page    int // the page being written
	size    int64
	file    *os.File
	last    time.Time
	reach   reach
	lines   int64         // in all pages so far, those that are gone too
	begins  map[int]int64 // how many there were before a page
	closed  bool          // nothing will ever be added
	changed chan struct{} // closed and replaced when something was added
}

// A reach is up to which byte of standard output and of standard error something goes.
type reach [2]int64

func (r *reach) of(stderr bool) *int64 {
	if stderr {
		return &r[1]
	}
	return &r[0]
}

// openSpool opens the spool in dir and goes on where the process before left off.
func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	s := &spool{dir: dir, begins: map[int]int64{}, changed: make(chan struct{})}
	pages := s.pages()
	if len(pages) == 0 {
		pages = []int{1}
	}
	s.page = pages[len(pages)-1]
	f, err := os.OpenFile(s.path(s.page), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s.file = f
	if err := s.resume(pages); err != nil {
		f.Close()
		return nil, fmt.Errorf("read spool: %w", err)
	}
	return s, nil
}

// resume finds how far the spool reaches, and cuts off what was added only in part.
func (s *spool) resume(pages []int) error {
	for _, n := range pages {
		text, err := os.ReadFile(s.path(n))
		if err != nil {
			return err
		}
		whole := s.lastWhole(text)
		if n == s.page {
			if err := s.file.Truncate(int64(whole)); err != nil {
				return err
			}
			s.size = int64(whole)
		}
		s.begins[n] = s.lines
		s.lines += int64(bytes.Count(text[:whole], []byte{'\n'}))
	}
	return nil
}

// lastWhole is the length of text up to where something was last added whole, whose time and reach it takes over.
func (s *spool) lastWhole(text []byte) int {
	for end := bytes.LastIndexByte(text, '\n') + 1; end > 0; {
		begin := bytes.LastIndexByte(text[:end-1], '\n') + 1
		if l, r, ok := parseLine(text[begin:end]); ok && r != nil {
			s.last, s.reach = l.At, *r
			return end
		}
		end = begin
	}
	return 0
}

// reached is up to which byte of a stream the spool has it.
func (s *spool) reached(stderr bool) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.reach.of(stderr)
}

// add appends lines of a stream, which go up to its given byte: all or none. Their times are now, and strictly
// increasing.
func (s *spool) add(lines []engine.Line, stderr bool, upTo int64) error {
	if len(lines) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	if s.size >= spoolPage {
		if err := s.turn(); err != nil {
			return err
		}
	}
	next, last := s.reach, s.last
	*next.of(stderr) = upTo
	now := time.Now().Truncate(time.Microsecond)
	var b bytes.Buffer
	for i, l := range lines {
		if !now.After(last) {
			now = last.Add(time.Microsecond)
		}
		last = now
		stream, mark := 'o', ""
		if l.Stderr {
			stream = 'e'
		}
		if i == len(lines)-1 {
			mark = fmt.Sprintf("%d,%d", next[0], next[1])
		}
		fmt.Fprintf(&b, "%d %c%s %s\n", now.UnixMicro(), stream, mark, l.Text)
	}
	n, err := s.file.Write(b.Bytes())
	if err != nil {
		s.file.Truncate(s.size) // half of it would be read as something else
		return fmt.Errorf("write spool: %w", err)
	}
	s.size += int64(n)
	s.last, s.reach = last, next
	s.lines += int64(len(lines))
	close(s.changed)
	s.changed = make(chan struct{})
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
	s.begins[s.page] = s.lines
	for _, n := range s.pages() {
		if n <= s.page-spoolKeep {
			os.Remove(s.path(n))
			delete(s.begins, n)
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
		if !since.IsZero() {
			r.lines = -1
		}
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
	at    int64
	end   int64 // of the page, as far as it was added whole
	text  *bufio.Reader

	lines   int64 // of the spool, up to where this is; -1: somewhere
	dropped int64 // that it has not seen since the last one it has
}

func (r *spoolReader) next(ctx context.Context) (engine.Line, error) {
	for {
		r.spool.mu.Lock()
		page, size, closed, changed := r.spool.page, r.spool.size, r.spool.closed, r.spool.changed
		r.spool.mu.Unlock()
		if r.file == nil {
			if err := r.open(); err != nil {
				return engine.Line{}, err
			}
		}
		switch {
		case r.page < page:
			r.end = math.MaxInt64
		case r.page == page:
			r.end = size
		}
		line, err := r.text.ReadBytes('\n')
		if err == nil {
			r.lines++
			if l, _, ok := parseLine(line); ok {
				l.Dropped, r.dropped = int(r.dropped), 0
				return l, nil
			}
			continue
		}
		if err != io.EOF {
			return engine.Line{}, fmt.Errorf("read spool: %w", err)
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

// Read reads the page up to what was added whole: the rest may yet be cut off.
func (r *spoolReader) Read(p []byte) (int, error) {
	n, err := r.file.ReadAt(p[:min(int64(len(p)), max(r.end-r.at, 0))], r.at)
	r.at += int64(n)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// open opens the page after the one that was read: the oldest that is left. What was in pages between them is dropped.
func (r *spoolReader) open() error {
	for {
		pages := r.spool.pages()
		i := slices.IndexFunc(pages, func(n int) bool { return n > r.page })
		if i < 0 {
			return io.EOF // dropped meanwhile
		}
		page := pages[i]
		f, err := os.Open(r.spool.path(page))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("open spool: %w", err)
		}
		r.spool.mu.Lock()
		begins, known := r.spool.begins[page]
		r.spool.mu.Unlock()
		if !known { // it was forgotten just now
			f.Close()
			continue
		}
		if r.lines >= 0 {
			r.dropped += begins - r.lines
		}
		r.page, r.lines = page, begins
		r.file, r.at, r.end, r.text = f, 0, 0, bufio.NewReader(r)
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

// parseLine reads a line, with how far the spool reaches if it is the last of what was added together.
func parseLine(b []byte) (l engine.Line, r *reach, ok bool) {
	at, rest, _ := strings.Cut(strings.TrimSuffix(string(b), "\n"), " ")
	kind, text, ok := strings.Cut(rest, " ")
	micro, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || kind == "" {
		return engine.Line{}, nil, false
	}
	if mark := kind[1:]; mark != "" {
		r = &reach{}
		if n, err := fmt.Sscanf(mark, "%d,%d", &r[0], &r[1]); n != 2 || err != nil {
			return engine.Line{}, nil, false
		}
	}
	return engine.Line{At: time.UnixMicro(micro).UTC(), Stderr: kind[0] == 'e', Text: text}, r, true
}
