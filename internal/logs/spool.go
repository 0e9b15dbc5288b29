package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const pieceBytes = 1 << 20 // a spool forgets, and is told to have forgotten, so much at once

// A spool is what an app's drains have not taken yet: numbered pieces of its lines, as its file has them, in a directory
// of its own. A piece goes when every drain has taken it, or when there is too much, oldest first: then the drains that
// had not taken it are told how many lines they miss.
type spool struct {
	dir  string
	most int64 // bytes in all

	mu     sync.Mutex
	sizes  []int64 // of the pieces
	first  int     // number of sizes[0]
	places map[string]*Place
	more   chan struct{} // closed when there is more
	gone   bool
}

// A loss is what a drain will never get.
type loss struct {
	drain string
	lines int
	since time.Time
}

func (s *spool) piece(n int) string { return filepath.Join(s.dir, strconv.Itoa(n)) }

// last is the number of the piece that is appended to.
func (s *spool) last() int { return s.first + len(s.sizes) - 1 }

// openSpool takes up what is in a directory, which is made if it is missing.
func openSpool(dir string, most int64) (*spool, error) {
	s := &spool{dir: dir, most: most, places: map[string]*Place{}, more: make(chan struct{})}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	var pieces []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			pieces = append(pieces, n)
		}
	}
	slices.Sort(pieces)
	if len(pieces) == 0 {
		pieces = []int{1}
	}
	s.first = pieces[0]
	for n := s.first; n <= pieces[len(pieces)-1]; n++ {
		size, err := wholeLines(s.piece(n))
		if err != nil {
			return nil, fmt.Errorf("open spool: %w", err)
		}
		s.sizes = append(s.sizes, size)
	}
	for _, e := range entries {
		if drain, ok := strings.CutSuffix(e.Name(), placeSuffix); ok {
			s.places[drain] = s.openPlace(drain)
		}
	}
	return s, nil
}

// wholeLines cuts off what a crash left of a last line, and returns the size of the rest.
func wholeLines(path string) (int64, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	whole := int64(bytes.LastIndexByte(b, '\n') + 1)
	if err == nil && whole < int64(len(b)) {
		err = os.Truncate(path, whole)
	}
	return whole, err
}

// append adds lines, and forgets the oldest when there are too many. What it cannot write it writes nothing of.
func (s *spool) append(b []byte) (lost []loss, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone || len(b) == 0 {
		return nil, nil
	}
	if n := s.sizes[len(s.sizes)-1]; n > 0 && n+int64(len(b)) > pieceBytes {
		s.sizes = append(s.sizes, 0)
	}
	if err := appendWhole(s.piece(s.last()), b); err != nil {
		return nil, err
	}
	s.sizes[len(s.sizes)-1] += int64(len(b))
	var all int64
	for _, n := range s.sizes {
		all += n
	}
	for ; all > s.most && len(s.sizes) > 1; s.forget() {
		all -= s.sizes[0]
		l, err := s.lose()
		lost = append(lost, l...)
		if err != nil {
			return lost, err
		}
	}
	close(s.more)
	s.more = make(chan struct{})
	return lost, nil
}

// lose moves whoever is in the oldest piece to the one behind it.
func (s *spool) lose() (lost []loss, err error) {
	var b []byte
	for _, drain := range s.drains() {
		p := s.places[drain]
		if p.piece != s.first {
			continue
		}
		if b == nil {
			if b, err = os.ReadFile(s.piece(s.first)); err != nil {
				return lost, fmt.Errorf("read spool: %w", err)
			}
		}
		if n, since := entries(b[min(p.offset, int64(len(b))):]); n > 0 {
			p.lose(n, since)
			lost = append(lost, loss{drain, n, since})
		}
		p.piece, p.offset, p.end = s.first+1, 0, 0
	}
	return lost, nil
}

// missed is told of lines that never came to the disk.
func (s *spool) missed(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, since := entries(b)
	for _, p := range s.places {
		p.lose(n, since)
	}
}

// trim removes the pieces that every drain has taken.
func (s *spool) trim() {
	oldest := s.last()
	for _, p := range s.places {
		oldest = min(oldest, p.piece)
	}
	for s.first < oldest {
		s.forget()
	}
}

// forget removes the oldest piece. One that cannot be removed is tried again at the next start, where it costs a look.
func (s *spool) forget() {
	os.Remove(s.piece(s.first))
	s.first++
	s.sizes = s.sizes[1:]
}

// keep has lines wait for these drains and no others. A new one gets what comes from now on.
func (s *spool) keep(drains []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, drain := range s.drains() {
		if !slices.Contains(drains, drain) {
			p := s.places[drain]
			p.gone = true
			delete(s.places, drain)
			if err := os.Remove(p.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	for _, drain := range drains {
		if s.places[drain] == nil {
			p := &Place{spool: s, drain: drain, piece: s.last(), offset: s.sizes[len(s.sizes)-1]}
			if err := p.save(); err != nil {
				return err
			}
			s.places[drain] = p
		}
	}
	s.trim()
	if s.gone = len(drains) == 0; s.gone {
		return os.RemoveAll(s.dir)
	}
	return nil
}

// drains are the drains that lines wait for, sorted.
func (s *spool) drains() (out []string) {
	for drain := range s.places {
		out = append(out, drain)
	}
	slices.Sort(out)
	return out
}

// entries counts the lines that drains get, and tells the time of the first.
func entries(b []byte) (n int, first time.Time) {
	for len(b) > 0 {
		var one []byte
		one, b, _ = bytes.Cut(b, []byte{'\n'})
		if len(one) == 0 || one[0] != 'L' {
			continue
		}
		if n++; n == 1 {
			if l, ok := parseLine(one); ok {
				first = l.at
			}
		}
	}
	return n, first
}
