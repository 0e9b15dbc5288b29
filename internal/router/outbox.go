package router

import (
	"strconv"
	"sync"
	"time"
)

// An outbox keeps log lines until control has them. It holds so much and no more; what does not fit is counted.
type outbox struct {
	mu    sync.Mutex
	lines []byte
	mark  int // where the line being written begins
	spare []byte
	lost  int
	full  chan struct{} // gets a value when there is enough to be worth sending
}

const (
	outboxLimit = 8 << 20
	outboxBatch = 256 << 10
)

func newOutbox() *outbox { return &outbox{full: make(chan struct{}, 1)} }

// begin starts a line, as "app time text", and locks the outbox; end must follow.
func (o *outbox) begin(appID string, at time.Time) []byte {
	o.mu.Lock()
	o.mark = len(o.lines)
	b := append(append(o.lines, appID...), ' ')
	return append(strconv.AppendInt(b, at.UnixNano(), 10), ' ')
}

// end finishes the line that begin began and the caller went on with.
func (o *outbox) end(b []byte) {
	o.lines = append(b, '\n')
	if len(o.lines) > outboxLimit {
		o.lines = o.lines[:o.mark]
		o.lost++
	}
	enough := o.mark < outboxBatch && len(o.lines) >= outboxBatch
	o.mu.Unlock()
	if enough {
		select {
		case o.full <- struct{}{}:
		default:
		}
	}
}

// take empties the outbox. The caller gives the memory back with done.
func (o *outbox) take() (lines []byte, lost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines, lost = o.lines, o.lost
	o.lines, o.lost, o.spare = o.spare[:0], 0, nil
	return lines, lost
}

func (o *outbox) done(lines []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if cap(lines) <= 4*outboxBatch {
		o.spare = lines[:0]
	}
}
