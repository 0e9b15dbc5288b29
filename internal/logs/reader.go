package logs

import (
	"context"
	"fmt"
	"iter"
	"sort"
	"time"
)

// Read yields an app's entries with their ids: those behind the id after, or if after is zero the last n that the
// filter chooses. With follow it goes on with new ones until ctx is done, the app is deleted or l is closed. Who
// takes so long that entries are forgotten before they were read gets an L11 line in their place.
func (l *Logs) Read(ctx context.Context, appID string, f Filter, n int, follow bool, after int64) iter.Seq2[int64, Entry] {
	return func(yield func(int64, Entry) bool) {
		r := l.reader(appID, f, n, after)
		if r == nil {
			return
		}
		defer r.close()
		for ctx.Err() == nil {
			batch, ok := r.batch()
			for _, e := range batch {
				if ctx.Err() != nil || !yield(e.id, e.Entry) {
					return
				}
			}
			if len(batch) > 0 {
				continue
			}
			if !ok || !follow {
				return
			}
			select {
			case <-r.wake:
			case <-ctx.Done():
			case <-l.stop:
				return
			}
		}
	}
}

// A reader is a place in a stream.
type reader struct {
	stream *stream
	filter Filter
	wake   chan struct{} // has a value when there may be more to read

	// Held under the stream's mu.
	next    uint64 // counts records as stream.first does
	dropped int    // chosen by the filter, and forgotten before they were read
	since   time.Time
	lost    int64 // id of the last one dropped
}

// reader opens a place in an app's stream, as Read describes it. It is nil for what can not be an app's id.
func (l *Logs) reader(appID string, f Filter, n int, after int64) *reader {
	if !isName(appID) {
		return nil
	}
	for {
		s := l.stream(appID)
		if !s.lock() {
			l.unload(s)
			continue
		}
		r := &reader{stream: s, filter: f, wake: make(chan struct{}, 1)}
		r.next = s.first + uint64(s.position(f, n, after))
		s.readers[r] = struct{}{}
		s.mu.Unlock()
		return r
	}
}

// position is the index of the record to begin with.
func (s *stream) position(f Filter, n int, after int64) int {
	if after > 0 {
		return sort.Search(len(s.records), func(i int) bool { return s.records[i].id > after })
	}
	oldest := s.used.Add(-s.config.Age)
	i := len(s.records)
	for ; i > 0 && n > 0 && s.records[i-1].At.After(oldest); i-- {
		if f.Match(s.records[i-1].Entry) {
			n--
		}
	}
	return i
}

// batch is what comes next, empty when there is nothing yet. ok is false when there will be nothing more.
func (r *reader) batch() (batch []record, ok bool) {
	const most = 64
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return nil, false
	}
	if r.dropped > 0 {
		batch = append(batch, r.overflow())
	}
	for int(r.next-s.first) < len(s.records) && len(batch) < most {
		if e := s.records[r.next-s.first]; r.filter.Match(e.Entry) {
			batch = append(batch, e)
		}
		r.next++
	}
	return batch, true
}

// overflow tells how many entries were dropped, and begins to count anew.
func (r *reader) overflow() record {
	text := fmt.Sprintf("L11 (Tail buffer overflow) -> This tail session dropped %d messages since %s", r.dropped, r.since.UTC().Format(stamp))
	r.dropped = 0
	return record{id: r.lost, Entry: Entry{At: time.Now(), Source: "heroku", Proc: "logplex", Text: text}}
}

// evicted is told of each record that the stream forgets, and how many it forgot before.
func (r *reader) evicted(n uint64, e record) {
	if r.next > n {
		return
	}
	r.next = n + 1
	if !r.filter.Match(e.Entry) {
		return
	}
	if r.dropped == 0 {
		r.since = e.At
	}
	r.dropped++
	r.lost = e.id
}

// nudge wakes the reader up. It never waits.
func (r *reader) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reader) close() {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	delete(r.stream.readers, r)
}
