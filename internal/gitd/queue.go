package gitd

import (
	"context"
	"sync"

	"github.com/cloister-dev/cloister"
)

// maxWaiting is how many pushes may wait for one that is being built.
const maxWaiting = 5

// A queue lets one push of each app be built at a time, in the order in which they came.
type queue struct {
	mu    sync.Mutex
	lanes map[string]*lane
}

type lane struct {
	turn  chan struct{} // holds a value while somebody has the turn
	count int           // who has the turn, and who waits
}

func newQueue() *queue { return &queue{lanes: map[string]*lane{}} }

// enter waits for the turn and returns what gives it back, which may be called more than once. If it has to wait it
// says so first.
func (q *queue) enter(ctx context.Context, app string, waits func()) (leave func(), err error) {
	q.mu.Lock()
	l := q.lanes[app]
	if l == nil {
		l = &lane{turn: make(chan struct{}, 1)}
		q.lanes[app] = l
	}
	if l.count > maxWaiting {
		q.mu.Unlock()
		return nil, cloister.Errorf(cloister.RateLimit, "%d other pushes to this app are waiting. Try again when they are done.", maxWaiting)
	}
	first := l.count == 0
	l.count++
	q.mu.Unlock()
	if !first {
		waits()
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		q.gone(app, l)
		return nil, ctx.Err()
	}
	return sync.OnceFunc(func() {
		<-l.turn
		q.gone(app, l)
	}), nil
}

func (q *queue) gone(app string, l *lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.count--; l.count == 0 {
		delete(q.lanes, app)
	}
}
