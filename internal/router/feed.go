package router

import (
	"encoding/json"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
)

// A Feed is control's end of the conversation with its routers. It is an http.Handler, to be served on a unix socket
// that only routers can reach: it gives out private keys.
type Feed struct {
	// OnLine receives a log line for each request that a router has finished, if it is set before the Feed is served.
	// It may be called from several goroutines at once.
	OnLine func(appID string, at time.Time, line string)

	log   *slog.Logger
	epoch string
	began time.Time
	poll  time.Duration

	mu           sync.Mutex
	version      int64
	table        []byte                          // an answer, nil before the first Publish
	certificates map[string]cloister.Certificate // that it names, by their sums
	news         chan struct{}                   // closed when there is another table
	routers      map[string]*peer
	left         time.Time // when the last router said goodbye

	asked     int64 // questions so far
	inquiries []*inquiry
	questions chan struct{} // closed when there is another
}

// A peer is a router, as it last described itself.
type peer struct {
	report
	seen    time.Time
	polling int   // requests of it that wait here for a table
	asking  int   // and for a question
	lines   int64 // number of the last batch of log lines
}

const (
	forgetAfter = 5 * time.Second // without a word, a router is not connected any more
	pollFor     = 10 * time.Second
)

// NewFeed returns a Feed that has nothing to tell yet: routers serve on by the table they have.
func NewFeed(log *slog.Logger) *Feed {
	return &Feed{
		log: log, epoch: cloister.NewID(), began: time.Now(), poll: pollFor,
		news: make(chan struct{}), questions: make(chan struct{}), routers: map[string]*peer{},
	}
}

// Publish has all routers adopt a table. Versions only grow: an older one, or the same again, is ignored.
func (f *Feed) Publish(routes cloister.Routes) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.table != nil && routes.Version <= f.version {
		return
	}
	routes, certificates := split(routes)
	inner, err := json.Marshal(routes)
	if err == nil {
		inner, err = json.Marshal(answer{Epoch: f.epoch, Routes: inner})
	}
	if err != nil {
		f.log.Error("table not published", "version", routes.Version, "cause", err)
		return
	}
	f.version, f.table, f.certificates = routes.Version, inner, certificates
	close(f.news)
	f.news = make(chan struct{})
}

// Drained reports whether nothing is, or will be, on its way to an endpoint that is not in the table of the given
// version: every connected router has adopted that table, or a newer one, and has no request in flight there. With
// no router connected for five seconds there is nobody to wait for.
func (f *Feed) Drained(endpoint netip.AddrPort, version int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, connected := time.Now(), false
	last := f.began
	if f.left.After(last) {
		last = f.left // another one may be starting, by the table on its disk
	}
	for _, p := range f.routers {
		if p.Gone {
			continue
		}
		if p.seen.After(last) {
			last = p.seen
		}
		if p.polling == 0 && now.Sub(p.seen) >= forgetAfter {
			continue
		}
		connected = true
		if p.Epoch != f.epoch || p.Have < version || p.InFlight[endpoint] > 0 {
			return false
		}
	}
	return connected || now.Sub(last) >= forgetAfter
}

// peer is the router with that id, and forgets those that are long gone.
func (f *Feed) peer(id string) *peer {
	for other, p := range f.routers {
		if p.polling == 0 && p.asking == 0 && time.Since(p.seen) > time.Minute {
			delete(f.routers, other)
		}
	}
	p := f.routers[id]
	if p == nil {
		p = new(peer)
		f.routers[id] = p
		f.log.Info("router connected", "router", id)
	}
	p.seen = time.Now()
	return p
}
