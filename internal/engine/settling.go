package engine

import (
	"context"
	"sync"
	"time"
)

// SettleFor is for how long after a command has begun its end is kept from a client of whose input nothing has come.
const SettleFor = 300 * time.Millisecond

// A Settling keeps the end of a command from its client until the client could speak. Heroku's CLI dies (EPIPE, write after
// end) when it hears that a command which ended at once has ended before it could say that its own input has, as from
// /dev/null: by rendezvous and by SSH alike.
type Settling struct {
	patience time.Duration
	heard    chan struct{}
	once     sync.Once

	mu    sync.Mutex
	began time.Time
}

// NewSettling waits for so long; 0 is SettleFor.
func NewSettling(patience time.Duration) *Settling {
	if patience == 0 {
		patience = SettleFor
	}
	return &Settling{patience: patience, heard: make(chan struct{})}
}

// Began says that the command has begun, now.
func (s *Settling) Began() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = time.Now()
}

// Heard says that something of the client's input, or its end, has come.
func (s *Settling) Heard() { s.once.Do(func() { close(s.heard) }) }

// Wait waits until something has come, or it is so long since the command has begun. One that never began is not waited for.
func (s *Settling) Wait(ctx context.Context) {
	s.mu.Lock()
	until := s.began.Add(s.patience)
	s.mu.Unlock()
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-s.heard:
	case <-t.C:
	case <-ctx.Done():
	}
}
