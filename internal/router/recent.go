package router

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloister-dev/cloister"
)

// recent is who has used each space's apps of late, from outside: for people who want to know whom other trusted
// ranges would cut off. A connection looks its tally up once; after that a request costs two additions.
type recent struct {
	mu     sync.Mutex
	spaces map[string]map[netip.Addr]*tally
}

// A tally is what is remembered of a client of a space.
type tally struct {
	space    string
	address  netip.Addr
	first    time.Time
	last     atomic.Int64 // nanoseconds since 1970
	requests atomic.Int64
	open     atomic.Int64 // connections, and HTTP/2 streams
}

const (
	recently     = 24 * time.Hour
	maxTallies   = 1000 // of a space, besides those with open connections
	tallySamples = 16   // of which the oldest makes room
)

func newRecent() *recent { return &recent{spaces: map[string]map[netip.Addr]*tally{}} }

// enter counts a connection in. It must be counted out.
func (r *recent) enter(space string, address netip.Addr, now time.Time) *tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.spaces[space]
	if all == nil {
		all = map[netip.Addr]*tally{}
		r.spaces[space] = all
	}
	t := all[address]
	if t == nil {
		for range 2 { // more than comes in, so that what was open once does not stay for ever
			if len(all) >= maxTallies {
				forgetOne(all)
			}
		}
		t = &tally{space: space, address: address, first: now}
		t.last.Store(now.UnixNano())
		all[address] = t
	}
	t.open.Add(1)
	return t
}

// forgetOne makes room: of some picked by chance, the one goes that was quiet for the longest time.
func forgetOne(all map[netip.Addr]*tally) {
	var oldest *tally
	n := 0
	for _, t := range all { // in random order
		if t.open.Load() == 0 && (oldest == nil || t.last.Load() < oldest.last.Load()) {
			oldest = t
		}
		if n++; n == tallySamples {
			break
		}
	}
	if oldest != nil {
		delete(all, oldest.address)
	}
}

// list is the clients of a space, in no order.
func (r *recent) list(space string, now time.Time) []cloister.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now)
	return clientsOf(r.spaces[space])
}

func clientsOf(all map[netip.Addr]*tally) (out []cloister.Client) {
	for _, t := range all {
		out = append(out, cloister.Client{Address: t.address, Requests: t.requests.Load(), First: t.first.UTC(),
			Last: time.Unix(0, t.last.Load()).UTC(), Open: int(t.open.Load())})
	}
	return out
}

// forget drops what is too long ago. The lock is held.
func (r *recent) forget(now time.Time) {
	before := now.Add(-recently).UnixNano()
	for space, all := range r.spaces {
		for address, t := range all {
			if t.open.Load() == 0 && t.last.Load() < before {
				delete(all, address)
			}
		}
		if len(all) == 0 {
			delete(r.spaces, space)
		}
	}
}

// remember writes the clients to disk, for the next router.
func (r *Router) remember() error {
	r.recent.mu.Lock()
	r.recent.forget(time.Now())
	all := map[string][]cloister.Client{}
	for space, tallies := range r.recent.spaces {
		all[space] = clientsOf(tallies)
	}
	r.recent.mu.Unlock()
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return r.keep(r.recentFile(), text)
}

// recall reads the clients that a router before has written to disk.
func (r *Router) recall() error {
	text, err := os.ReadFile(r.recentFile())
	if r.config.State == "" || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var all map[string][]cloister.Client
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("read %s: %w", r.recentFile(), err)
	}
	for space, clients := range all {
		for _, c := range clients {
			t := r.recent.enter(space, c.Address, c.First)
			t.requests.Store(c.Requests)
			t.last.Store(c.Last.UnixNano())
			t.open.Add(-1)
		}
	}
	return nil
}

// count remembers that the client uses the app's space.
func (x *exchange) count() {
	if x.from.door != "" {
		return // no range keeps anybody out in there
	}
	if x.tally == nil || x.tally.space != x.app.SpaceID || x.tally.address != x.client {
		x.leave()
		x.tally = x.r.recent.enter(x.app.SpaceID, x.client, x.began)
	}
	x.tally.requests.Add(1)
	x.tally.last.Store(x.began.UnixNano())
}

// leave ends what count began, with the connection.
func (x *exchange) leave() {
	if x.tally != nil {
		x.tally.open.Add(-1)
		x.tally = nil
	}
}
