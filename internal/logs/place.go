package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cloister-dev/cloister"
)

// What is sent at once at most. Heroku's receivers are used to some 100 KB.
const (
	batchBytes   = 128 << 10 // of lines as files have them
	batchEntries = 1024
	placeSuffix  = ".json"
)

// ErrGone says that a drain is no more.
var ErrGone = errors.New("the drain is gone")

// A Place is how far a drain has come in an app's lines. It outlives the process, and with it which lines were on
// their way: they are offered again, as the same batch. Only one goroutine at a time may use it.
type Place struct {
	spool *spool
	drain string

	// Held under the spool's mu.
	piece  int   // the first line that was not taken
	offset int64 // is here
	end    int64 // where the batch that is on its way ends, or 0
	lost   int   // lines that will never be offered, and that the drain was not told of
	since  time.Time
	gone   bool
	saved  placeFile
}

// placeFile is what is kept of a place.
type placeFile struct {
	Piece  int       `json:"piece"`
	Offset int64     `json:"offset"`
	End    int64     `json:"end,omitempty"`
	Lost   int       `json:"lost,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// A Batch is lines of an app that follow one another.
type Batch struct {
	ID      string // the same when it is offered again
	Entries []Entry
	Lost    int // lines before these that will never be offered
	Since   time.Time

	piece       int
	offset, end int64
}

func (p *Place) path() string { return filepath.Join(p.spool.dir, p.drain+placeSuffix) }

func (s *spool) openPlace(drain string) *Place {
	p := &Place{spool: s, drain: drain}
	b, err := os.ReadFile(p.path())
	if err == nil {
		err = json.Unmarshal(b, &p.saved)
	}
	if err != nil { // torn by a crash: better twice than never
		p.saved = placeFile{}
	}
	f := p.saved
	p.piece, p.offset, p.end, p.lost, p.since = f.Piece, f.Offset, f.End, f.Lost, f.Since
	if p.piece < s.first || p.piece > s.last() {
		p.piece, p.offset, p.end = s.first, 0, 0
	}
	size := s.sizes[p.piece-s.first]
	p.offset = min(p.offset, size)
	if p.end > size {
		p.end = 0
	}
	return p
}

// save writes the place down. It is not synced to the disk: after a crash of the machine, lines may come twice.
func (p *Place) save() error {
	f := placeFile{Piece: p.piece, Offset: p.offset, End: p.end, Lost: p.lost, Since: p.since}
	if f == p.saved || p.gone {
		return nil
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.path()+".new", b, 0o600); err != nil {
		return fmt.Errorf("save the place of a drain: %w", err)
	}
	if err := os.Rename(p.path()+".new", p.path()); err != nil {
		return fmt.Errorf("save the place of a drain: %w", err)
	}
	p.saved = f
	return nil
}

// lose counts lines that will never be offered.
func (p *Place) lose(n int, since time.Time) {
	if n > 0 && p.lost == 0 {
		p.since = since
	}
	p.lost += n
}

// Next waits for lines that were not taken yet. Until Took or Dropped is called it offers the same ones again, unless
// they were lost meanwhile.
func (p *Place) Next(ctx context.Context) (Batch, error) {
	for {
		b, more, err := p.next()
		if err != nil || len(b.Entries) > 0 || b.Lost > 0 {
			return b, err
		}
		select {
		case <-ctx.Done():
			return b, ctx.Err()
		case <-more:
		}
	}
}

// next is what there is. If it is nothing, more is closed when there may be something.
func (p *Place) next() (out Batch, more <-chan struct{}, err error) {
	s := p.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if p.gone {
			return Batch{}, nil, ErrGone
		}
		out = Batch{Lost: p.lost, Since: p.since, piece: p.piece, offset: p.offset, end: p.offset}
		if size := s.sizes[p.piece-s.first]; p.offset < size {
			if err := p.read(&out, size); err != nil {
				return Batch{}, nil, err
			}
			if len(out.Entries) == 0 {
				p.offset, p.end = out.end, 0
				continue
			}
		} else if p.piece < s.last() {
			p.piece, p.offset, p.end = p.piece+1, 0, 0
			s.trim()
			continue
		}
		p.end = 0
		if out.end > out.offset {
			p.end = out.end
		}
		out.ID = cloister.NameID("frame", fmt.Sprint(p.drain, out.piece, out.offset, out.end, out.Lost, out.Since.UnixNano()))
		return out, s.more, p.save()
	}
}

// read fills a batch: with those lines that were in it before, or with as many as fit.
func (p *Place) read(out *Batch, size int64) error {
	most := min(size-p.offset, batchBytes)
	if p.end > p.offset {
		most = min(size, p.end) - p.offset
	}
	f, err := os.Open(p.spool.piece(p.piece))
	if err != nil {
		return fmt.Errorf("read spool: %w", err)
	}
	defer f.Close()
	b := make([]byte, most)
	if _, err := f.ReadAt(b, p.offset); err != nil && err != io.EOF {
		return fmt.Errorf("read spool: %w", err)
	}
	for len(out.Entries) < batchEntries {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		if l, ok := parseLine(b[:i]); ok && l.kind == 'L' {
			out.Entries = append(out.Entries, l.record.Entry)
		}
		b = b[i+1:]
		out.end += int64(i + 1)
	}
	if out.end == p.offset {
		return fmt.Errorf("read spool: piece %d has no line at %d", p.piece, p.offset)
	}
	return nil
}

// Took says that a batch was delivered. After a restart it is offered again, unless Next or Save was called meanwhile.
func (p *Place) Took(b Batch) {
	p.spool.mu.Lock()
	defer p.spool.mu.Unlock()
	p.lost -= b.Lost
	if p.piece == b.piece && p.offset == b.offset {
		p.offset, p.end = b.end, 0
	} else { // it was given up while it was on its way, and arrived all the same
		p.lost = max(p.lost-len(b.Entries), 0)
	}
	if p.lost == 0 {
		p.since = time.Time{}
	}
}

// Dropped says that a batch will never be delivered.
func (p *Place) Dropped(b Batch) {
	p.spool.mu.Lock()
	defer p.spool.mu.Unlock()
	if p.piece == b.piece && p.offset == b.offset && len(b.Entries) > 0 {
		p.offset, p.end = b.end, 0
		p.lose(len(b.Entries), b.Entries[0].At)
	}
}

// Save writes down how far the drain has come.
func (p *Place) Save() error {
	p.spool.mu.Lock()
	defer p.spool.mu.Unlock()
	return p.save()
}
