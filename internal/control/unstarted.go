package control

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// unstarted are the dynos whose owners have read in this life of ours why they do not start.
type unstarted struct {
	mu   sync.Mutex
	apps map[string]string // by dyno
}

// first reports whether a dyno was not in yet, and enters it.
func (u *unstarted) first(id, app string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.apps[id]; ok {
		return false
	}
	if u.apps == nil {
		u.apps = map[string]string{}
	}
	u.apps[id] = app
	return true
}

// forget takes a dyno out: it has started, or is gone.
func (u *unstarted) forget(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.apps, id)
}

// forgetApp takes out the dynos of an app that was destroyed: nobody tells of each that it is gone.
func (u *unstarted) forgetApp(app string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.DeleteFunc(u.apps, func(_, of string) bool { return of == app })
}

// notStarted tells a dyno's owner why the engine did not start it, and has record write the row of one that will never
// start. It returns why, by which the loop tries again.
func (c *Control) notStarted(ctx context.Context, d cloister.Dyno, why error, record func(*store.Tx, cloister.Dyno) error) error {
	if ctx.Err() != nil {
		return why // we end, which is not the dyno's trouble
	}
	after, lines := plan.Unstarted(d, why, time.Now())
	if over := after != d; over {
		if err := c.store.Update(ctx, func(tx *store.Tx) error { return record(tx, after) }); err != nil {
			return err
		}
	} else if len(lines) == 0 || !c.unstarted.first(d.ID, d.AppID) {
		return why
	}
	for _, l := range lines {
		c.logs.Platform(d.AppID, l.Proc, l.At, l.Text)
	}
	return why
}
