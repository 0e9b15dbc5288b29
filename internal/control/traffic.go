package control

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// A kind is the dynos of one process type of an app.
type kind struct{ app, processType string }

// traffic is what went on within the last hour, by the minute, of dynos that are scaled by themselves, and which errors
// happened in all apps since they were last written to the store. It is kept in memory: after a restart an Autoscale
// knows less for an hour.
type traffic struct {
	mu      sync.Mutex
	minutes map[kind][]plan.Minute // in order
	errors  map[cloister.ErrorCount]int
}

const (
	remembered   = 60 // minutes
	countEvery   = 15 * time.Second
	errorsKept   = 7 * 24 * time.Hour
	forgetsEvery = time.Hour
)

func newTraffic() *traffic {
	return &traffic{minutes: map[kind][]plan.Minute{}, errors: map[cloister.ErrorCount]int{}}
}

// Request takes in what the router says of a request.
func (c *Control) Request(appID string, at time.Time, r plan.Request) {
	t := c.traffic
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := (kind{appID, "web"}); t.minutes[k] != nil {
		if m := t.minute(k, at); m != nil {
			m.Add(r)
		}
	}
	if r.Code != "" {
		t.errors[cloister.ErrorCount{AppID: appID, Code: r.Code, Hour: at.UTC().Truncate(time.Hour)}]++
	}
}

// minute is the one that at is in, nil if that is too long ago. The lock is held.
func (t *traffic) minute(k kind, at time.Time) *plan.Minute {
	begin, all := at.UTC().Truncate(time.Minute), t.minutes[k]
	i := len(all)
	for i > 0 && all[i-1].At.After(begin) {
		i--
	}
	if i > 0 && all[i-1].At.Equal(begin) {
		return &all[i-1]
	}
	if i < len(all) {
		return nil // that it is over was said before
	}
	if len(all) > remembered {
		all = append(all[:0], all[len(all)-remembered:]...)
	}
	t.minutes[k] = append(all, plan.Minute{At: begin})
	return &t.minutes[k][len(t.minutes[k])-1]
}

// past is the minutes of dynos that are over, of the last hour; from now on they are looked at. The last of them gets what is known only now: how many
// dynos there are, and how busy their processors were.
func (t *traffic) past(k kind, now time.Time, dynos int, cpu float64) (out []plan.Minute) {
	t.mu.Lock()
	defer t.mu.Unlock()
	begin := now.UTC().Truncate(time.Minute)
	if m := t.minute(k, begin.Add(-time.Minute)); m != nil && m.Dynos == 0 {
		m.Dynos, m.CPU = dynos, cpu
	}
	for _, m := range t.minutes[k] {
		if m.At.Before(begin) && begin.Sub(m.At) <= remembered*time.Minute {
			out = append(out, m)
		}
	}
	return out
}

// failed counts an error of a dyno in.
func (t *traffic) failed(appID, processType, code string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors[cloister.ErrorCount{AppID: appID, Type: processType, Code: code, Hour: at.UTC().Truncate(time.Hour)}]++
}

// taken is the errors since it was last called. back puts them back, if they could not be written.
func (t *traffic) taken() (out map[cloister.ErrorCount]int, back func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out, t.errors = t.errors, map[cloister.ErrorCount]int{}
	return out, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for e, n := range out {
			t.errors[e] += n
		}
	}
}

// drop looks at dynos no longer.
func (t *traffic) drop(k kind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.minutes, k)
}

// forget drops those that nobody has asked for in an hour: their app is gone.
func (t *traffic) forget(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, all := range t.minutes {
		if len(all) == 0 || now.Sub(all[len(all)-1].At) > (remembered+1)*time.Minute {
			delete(t.minutes, k)
		}
	}
}

// count writes errors to the store, now and then and at the end.
func (c *Control) count(ctx context.Context) error {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	forgotten := time.Now()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		c.countErrors(context.WithoutCancel(ctx))
		if now := time.Now(); now.Sub(forgotten) >= forgetsEvery {
			forgotten = now
			c.traffic.forget(now)
			if err := c.store.Update(ctx, func(tx *store.Tx) error { return tx.ForgetErrorCounts(tx.Now.Add(-errorsKept)) }); err != nil && ctx.Err() == nil {
				c.log.Warn("old counts of errors are still there", "err", err)
			}
		}
	}
	return nil
}

func (c *Control) countErrors(ctx context.Context) {
	errors, back := c.traffic.taken()
	if len(errors) == 0 {
		return
	}
	if err := c.store.Update(ctx, func(tx *store.Tx) error {
		for e, n := range errors {
			e.Count = n
			if err := tx.AddErrorCount(e); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		c.log.Warn("errors of apps were not counted", "err", err)
		back()
	}
}

// counted is a log that counts the errors of dynos that it is told of.
type counted struct {
	Log
	traffic *traffic
}

var dynoError = regexp.MustCompile(`^Error (R\d\d) \(`)

func (c counted) Platform(appID, proc string, at time.Time, text string) {
	if m := dynoError.FindStringSubmatch(text); m != nil {
		processType, _, _ := strings.Cut(proc, ".")
		c.traffic.failed(appID, processType, m[1], at)
	}
	c.Log.Platform(appID, proc, at, text)
}
