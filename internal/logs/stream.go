package logs

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// A stream is one app's lines: the last ones in memory, and those not yet written to the file.
type stream struct {
	config *Config
	log    *slog.Logger
	app    string
	logs   *Logs
	queued atomic.Bool // it will be flushed soon

	disk sync.Mutex // held around file; taken before mu
	file file

	mu      sync.Mutex
	loaded  bool
	gone    bool // deleted or unloaded: whoever still has it must ask Logs again
	deleted bool
	records []record
	first   uint64 // how many records were here before records[0]
	size    int    // of records, in bytes
	last    int64  // the newest id
	marks   map[string]time.Time
	readers map[*reader]struct{}
	pending []byte
	spooled int // bytes of pending that are in the spool already
	used    time.Time
}

func newStream(l *Logs, app string) *stream {
	return &stream{
		config: &l.config, log: l.log, app: app, logs: l, file: file{path: filepath.Join(l.config.Dir, "apps", app+".log")},
		marks: map[string]time.Time{}, readers: map[*reader]struct{}{},
	}
}

// lock takes mu and makes sure that what is in the file is in memory. It reports false, and leaves mu alone, when
// the stream is gone.
func (s *stream) lock() bool {
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return false
	}
	s.used = time.Now()
	if !s.loaded {
		s.loaded = true // nobody flushes before this: disk is not needed
		oldest := s.used.Add(-s.config.Age)
		err := s.file.load(func(l line) {
			switch l.kind {
			case 'L', 'N':
				if l.record.At.After(oldest) && l.record.id > s.last {
					s.keep(l.record)
				}
				fallthrough
			case 'M':
				if l.workload != "" && l.at.After(s.marks[l.workload]) {
					s.marks[l.workload] = l.at
				}
			case 'F':
				delete(s.marks, l.workload)
			}
		})
		if err != nil {
			s.log.Error("log was not readable", "app", s.app, "error", err)
		}
	}
	return true
}

// add takes a line in; a note is not for drains. full reports that so much waits for the file that the writer should write it now.
func (s *stream) add(e Entry, workload string, note bool) (full, ok bool) {
	if !s.lock() {
		return false, false
	}
	defer s.mu.Unlock()
	for rest, piece := e.Text, ""; ; {
		piece, rest = cut(rest)
		e.Text = piece
		r := record{id: max(s.last+1, s.used.UnixMicro()), note: note, Entry: e}
		s.keep(r)
		if rest != "" {
			s.pending = appendEntry(s.pending, r, "")
			continue
		}
		s.pending = appendEntry(s.pending, r, workload) // the mark goes with the last piece
		break
	}
	if workload != "" {
		s.marks[workload] = e.At
	}
	for r := range s.readers {
		r.nudge()
	}
	return len(s.pending) >= flushBytes, true
}

// keep adds r to the memory and forgets what is too much.
func (s *stream) keep(r record) {
	s.last = r.id
	if n := len(s.records); n == cap(s.records) { // evict gave up the front: move to where there is room again
		s.records = append(make([]record, 0, 2*n+16), s.records...)
	}
	s.records = append(s.records, r)
	s.size += r.size()
	for len(s.records) > s.config.Lines || s.size > s.config.Bytes && len(s.records) > 1 {
		s.evict()
	}
}

// evict forgets the oldest record. Readers that have not seen it count it.
func (s *stream) evict() {
	r := s.records[0]
	for reader := range s.readers {
		reader.evicted(s.first, r)
	}
	s.records[0] = record{} // let the text go
	s.records = s.records[1:]
	s.size -= r.size()
	s.first++
}

// mark is up to when a workload's lines are in the stream.
func (s *stream) mark(workload string) (at time.Time, ok bool) {
	if !s.lock() {
		return at, false
	}
	defer s.mu.Unlock()
	return s.marks[workload], true
}

// forget drops the mark of a workload that will never be followed again.
func (s *stream) forget(workload string) (ok bool) {
	if !s.lock() {
		return false
	}
	defer s.mu.Unlock()
	if _, known := s.marks[workload]; known {
		delete(s.marks, workload)
		s.pending = appendForget(s.pending, workload)
	}
	return true
}

// flush writes what waits, for drains first: what is in the file is not asked of a workload again. When the disk
// refuses, the lines stay readable in memory, and wait for the next flush unless there are too many: then they are
// missing in the file, and drains are told that they miss them.
func (s *stream) flush() {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	b, spooled := s.pending, s.spooled
	s.pending, s.spooled = nil, 0
	var marks []byte
	if len(b) > 0 && s.file.full(s.config) {
		marks = s.appendMarks([]byte{})
	}
	gone := s.gone
	s.mu.Unlock()
	if len(b) == 0 || gone {
		return
	}
	spool := s.logs.spools.of(s.app)
	lost, err := spool.append(b[spooled:])
	if err == nil {
		spooled = len(b)
		err = s.file.append(b, marks)
	}
	if err != nil {
		s.mu.Lock()
		wait := len(b) < flushBytes && !s.gone
		if wait {
			s.pending, s.spooled = append(b[:len(b):len(b)], s.pending...), spooled
		}
		s.mu.Unlock()
		if !wait {
			spool.missed(b[spooled:])
		}
		s.log.Error("log lines were not written", "app", s.app, "bytes", len(b), "error", err)
	}
	for _, l := range lost {
		s.note(fmt.Sprintf("Error L10 (output buffer overflow): %d messages dropped since %s. Drain %s does not keep up.",
			l.lines, l.since.UTC().Format(stamp), l.drain))
	}
}

// note adds a line of the platform's that drains do not get.
func (s *stream) note(text string) {
	if _, ok := s.add(Entry{Source: "heroku", Proc: "logplex", Text: text}.normal(), "", true); ok {
		s.logs.soon(s)
	}
}

// appendMarks is all marks that are worth keeping: lines older than Age would not be taken anyway.
func (s *stream) appendMarks(b []byte) []byte {
	oldest := time.Now().Add(-s.config.Age)
	var ids []string
	for id, at := range s.marks {
		if at.Before(oldest) {
			delete(s.marks, id)
			continue
		}
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		b = appendMark(b, id, s.marks[id])
	}
	return b
}

// expire forgets what is older than Age, in memory and on disk. It reports whether the stream is in nobody's use
// since idle, and was therefore unloaded: its file has it all.
func (s *stream) expire(oldest, idle time.Time) (unloaded bool) {
	s.flush()
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone || !s.loaded {
		return s.gone
	}
	for len(s.records) > 0 && s.records[0].At.Before(oldest) {
		s.evict()
	}
	err := s.file.expire(oldest)
	if len(s.records) == 0 && len(s.pending) == 0 {
		err = s.file.remove()
	}
	if err != nil {
		s.log.Error("old log was not removed", "app", s.app, "error", err)
	}
	if len(s.readers) == 0 && len(s.pending) == 0 && s.used.Before(idle) {
		s.gone = true
	}
	return s.gone
}

// delete ends all readers and removes the file. It reports false when the stream was gone before.
func (s *stream) delete() (ok bool, err error) {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return false, nil
	}
	s.gone, s.deleted, s.pending, s.records = true, true, nil, nil
	for r := range s.readers {
		r.nudge()
	}
	return true, s.file.remove()
}
