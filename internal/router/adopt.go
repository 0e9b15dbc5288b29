package router

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cloister-dev/cloister"
)

// adopt puts a table in force. Once it returns no dyno that is not in it gets another request; connections of
// clients that it does not trust are cut, and those of a balancer that it believes more, or less, than before.
func (r *Router) adopt(routes cloister.Routes, epoch string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.table.Load()
	t, complaints := r.newTable(routes, old)
	for _, c := range complaints {
		r.log.Error("part of the table left out", "cause", c)
	}
	r.table.Store(t)
	r.epoch = epoch
	for key, d := range old.dynos {
		if t.dynos[key] != nil {
			continue
		}
		d.retire()
		if d.inFlight.Load() > 0 {
			r.retired[d] = struct{}{}
		}
	}
	close(old.replaced)
	r.watch.each(func(g *guard) {
		if old.word(g.from) != t.word(g.from) || t.expels(g) {
			g.stop(severed, false)
		}
	})
}

// expels reports whether a guard's client may not visit any more the app that it visits.
func (t *table) expels(g *guard) bool {
	v := g.visit.Load()
	if v == nil || v.app == nil {
		return false
	}
	a := t.apps[v.app.AppID]
	if a == nil {
		return false
	}
	p := t.lookup([]byte(v.name)).policy
	return !t.leads(g.from, a) || !a.admits(g.from, v.client) || p != nil && p.closed && !p.allows(g.from.policy.Load(), tls.VersionTLS13)
}

// drained is called by a dyno that has left the table when its last request is done.
func (r *Router) drained(d *dyno) {
	r.mu.Lock()
	delete(r.retired, d)
	r.mu.Unlock()
	r.report()
}

// report has control hear from us soon.
func (r *Router) report() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *Router) tableFile() string  { return filepath.Join(r.config.State, "table.json") }
func (r *Router) ticketFile() string { return filepath.Join(r.config.State, "tickets.json") }
func (r *Router) recentFile() string { return filepath.Join(r.config.State, "recent.json") }

// load adopts the table on disk, if there is one.
func (r *Router) load() error {
	if r.config.State == "" {
		return nil
	}
	b, err := os.ReadFile(r.tableFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var routes cloister.Routes
	if err := json.Unmarshal(b, &routes); err != nil {
		return fmt.Errorf("read %s: %w", r.tableFile(), err)
	}
	if err := r.join(&routes, nil); err != nil {
		return err
	}
	r.adopt(routes, "")
	return nil
}

// keep writes a file to disk, for nobody else to read. A crash leaves the old one or the new one.
func (r *Router) keep(file string, text []byte) error {
	if r.config.State == "" {
		return nil
	}
	f, err := os.CreateTemp(r.config.State, "*.new") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
