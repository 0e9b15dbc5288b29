package drain

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/outside"
)

// Drains delivers to all drains that it was told of.
type Drains struct {
	logs   *logs.Logs
	config outside.Config
	pace   pace
	log    *slog.Logger
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	apps   map[string]map[string]context.CancelFunc // what ends a delivery, by app and token
}

// New returns Drains without any.
func New(l *logs.Logs, c outside.Config, log *slog.Logger) *Drains {
	return &Drains{logs: l, config: c, pace: usual, log: log, apps: map[string]map[string]context.CancelFunc{}}
}

// Set says which drains an app has. It may be repeated: what is the same goes on undisturbed.
func (d *Drains) Set(appID string, drains []cloister.Drain) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	wanted := map[string]cloister.Drain{}
	var tokens []string
	for _, x := range drains {
		wanted[x.Token] = x
		tokens = append(tokens, x.Token)
	}
	for token, end := range d.apps[appID] {
		if _, ok := wanted[token]; !ok {
			end()
			delete(d.apps[appID], token)
		}
	}
	if len(drains) == 0 {
		delete(d.apps, appID)
	}
	if err := d.logs.Keep(appID, tokens); err != nil {
		return err
	}
	for token, x := range wanted {
		if d.apps[appID] == nil {
			d.apps[appID] = map[string]context.CancelFunc{}
		}
		if d.apps[appID][token] == nil {
			d.apps[appID][token] = d.start(x)
		}
	}
	return nil
}

func (d *Drains) start(x cloister.Drain) context.CancelFunc {
	ctx, end := context.WithCancel(context.Background())
	place := d.logs.Place(x.AppID, x.Token)
	d.wg.Go(func() { d.deliver(ctx, x, place) })
	return end
}

// Close ends all delivery; another process may go on. Logs must be closed after it.
func (d *Drains) Close() {
	d.mu.Lock()
	d.closed = true
	for _, drains := range d.apps {
		for _, end := range drains {
			end()
		}
	}
	d.mu.Unlock()
	d.wg.Wait()
}

// A sender speaks the language of one receiver. Only one goroutine at a time uses it.
type sender interface {
	// send returns when the receiver has a batch, or with the reason why it does not. It may be repeated. A batch
	// without entries makes sure of what was sent before.
	send(ctx context.Context, b logs.Batch) error
	// unsure is closed when what was sent before may have been lost; nil for a receiver that acknowledges.
	unsure() <-chan struct{}
	// close ends the connection, in good order if it can.
	close()
}

func (d *Drains) sender(x cloister.Drain) sender {
	if s := newSyslog(x, d.config, d.pace); s != nil {
		return s
	}
	return newWeb(x, d.config, d.pace)
}

// hopeless is after how many attempts is given up what a receiver refuses for what it is.
const hopeless = 5

// deliver brings all lines of a place to a drain, in order, until ctx is done or the drain is gone.
func (d *Drains) deliver(ctx context.Context, x cloister.Drain, place *logs.Place) {
	s := d.sender(x)
	defer func() {
		s.close()
		if err := place.Save(); err != nil {
			d.log.Warn("the place of a drain was not saved", "app", x.AppID, "drain", x.ID, "error", err)
		}
	}()
	t := &trouble{drains: d, drain: x}
	wait := d.pace.shortest
	for ctx.Err() == nil {
		b, err := next(ctx, place, s.unsure())
		switch {
		case errors.Is(err, logs.ErrGone) || ctx.Err() != nil:
			return
		case errors.Is(err, errUnsure):
			pause(ctx, wait)
			wait = min(2*wait, d.pace.longest)
			d.insist(ctx, s, logs.Batch{}, t) // fails only when it is over
			continue
		case err != nil:
			d.log.Warn("lines for a drain were not read", "app", x.AppID, "drain", x.ID, "error", err)
			pause(ctx, d.pace.longest)
			continue
		}
		wait = d.pace.shortest
		switch err := d.insist(ctx, s, b, t); {
		case err == nil:
			place.Took(b)
		case ctx.Err() == nil:
			place.Dropped(b)
			d.logs.Note(x.AppID, dropped(len(b.Entries), b.Entries[0].At)+" Drain "+x.Token+" refuses them: "+err.Error()+".")
		}
	}
}

// insist sends a batch until the receiver has it. It gives up only when the receiver refuses it for what it is.
func (d *Drains) insist(ctx context.Context, s sender, b logs.Batch, t *trouble) error {
	wait := d.pace.shortest
	for attempt := 1; ; attempt++ {
		err := s.send(ctx, b)
		if err == nil {
			t.over()
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.As(err, new(refusal)) && attempt >= hopeless {
			return err
		}
		t.tell(err)
		pause(ctx, wait)
		wait = min(2*wait, d.pace.longest)
	}
}

var errUnsure = errors.New("what was sent may have been lost")

// next waits for a batch, or for doubts of an earlier one.
func next(ctx context.Context, place *logs.Place, unsure <-chan struct{}) (logs.Batch, error) {
	if unsure == nil {
		return place.Next(ctx)
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() {
		defer close(done)
		select {
		case <-unsure:
			cancel()
		case <-waiting.Done():
		}
	}()
	b, err := place.Next(waiting)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return b, errUnsure
	}
	return b, err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
