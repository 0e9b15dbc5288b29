package remote

import (
	"bufio"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// flushAfter is how long an item may wait for company before it is sent.
const flushAfter = 5 * time.Millisecond

// A stream sends JSON items over a response, several at a time when they come fast.
type stream struct {
	mu      sync.Mutex
	buf     *bufio.Writer
	enc     *json.Encoder
	flusher *http.ResponseController
	timer   *time.Timer
	waiting bool
	err     error
}

func newStream(w http.ResponseWriter) *stream {
	s := &stream{buf: bufio.NewWriterSize(w, 64<<10), flusher: http.NewResponseController(w)}
	s.enc = json.NewEncoder(s.buf)
	s.flusher.Flush() // the other end learns at once that we listen
	return s
}

// send sends an item, soon. An error is that of an earlier item or of this one.
func (s *stream) send(item any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = s.enc.Encode(item)
	}
	if s.err == nil && !s.waiting {
		s.waiting = true
		s.timer = time.AfterFunc(flushAfter, s.flush)
	}
	return s.err
}

func (s *stream) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting {
		return
	}
	s.waiting = false
	if err := s.buf.Flush(); err != nil && s.err == nil {
		s.err = err
		return
	}
	if err := s.flusher.Flush(); err != nil && s.err == nil {
		s.err = err
	}
}

// close sends what waits. The response must not be used after the handler has returned, so nothing may wait longer.
func (s *stream) close() {
	s.flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}
