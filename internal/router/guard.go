package router

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A guard stands beside a client's connection, or an HTTP/2 stream, and ends what takes too long, what nobody waits
// for, and what is no longer trusted. It does so from outside, by making the goroutine's reads and writes fail: the
// goroutine then finds the reason in end. Deadlines are plain stores into memory that the watch compares with its
// clock, ten times a second, which costs a request next to nothing.
type guard struct {
	watch  *watch
	from   *origin
	client interruptible
	visit  atomic.Pointer[visit] // the last one; nil: none yet
	due    atomic.Int64          // when the present phase has lasted too long; 0: never
	phase  atomic.Int32
	wake   chan struct{} // gets a value when the guard has interrupted

	mu   sync.Mutex
	end  ending
	link *link // the connection to the dyno, while there is one
}

// interruptible is a client as the guard sees it.
type interruptible interface {
	interrupt() // makes reading and writing fail at once
	sever()     // closes without a word
	gone() bool // nobody is there any more
}

type ending int

const (
	running  ending = iota
	expired         // the phase was too long
	departed        // the client went away
	severed         // the client is not trusted any more, or the router's time is up
)

const (
	fresh     int32 = iota // before the first request, which may be on its way
	idling                 // between requests: nothing is lost by closing
	reading                // a head is coming in
	asking                 // the dyno has the request
	uploading              // the dyno is getting the request: somebody reads from the client
	replying               // the response has begun
	tunnel                 // both directions are read
	detached               // nothing that the guard may touch
)

// A visit is who talks to which app, by which of its names; nil is an app that is not there. By a balancer's connection many come.
type visit struct {
	app    *app
	name   string // "": it has said none yet
	client netip.Addr
}

func newGuard(w *watch, from *origin, client interruptible) *guard {
	g := &guard{watch: w, from: from, client: client, wake: make(chan struct{}, 1)}
	w.add(g)
	return g
}

// visits notes who talks to which app: mostly what the connection's last stream did.
func (g *guard) visits(a *app, name []byte, client netip.Addr) {
	same := func(v *visit) bool { return v != nil && v.app == a && v.name == string(name) && v.client == client }
	if same(g.visit.Load()) {
		return
	}
	v := g.from.visit.Load()
	if !same(v) {
		v = &visit{a, string(name), client}
		g.from.visit.Store(v)
	}
	g.visit.Store(v)
}

// enter begins a phase that may last so long.
func (g *guard) enter(phase int32, patience time.Duration) {
	g.due.Store(g.watch.now() + int64(patience)) // first, so that the new phase is never held to the old deadline
	g.phase.Store(phase)
}

// touch prolongs the phase: there was progress.
func (g *guard) touch(patience time.Duration) { g.due.Store(g.watch.now() + int64(patience)) }

// attach puts the connection to a dyno under guard. It fails when it is too late.
func (g *guard) attach(l *link) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.end != running {
		return false
	}
	g.link = l
	return true
}

// detach takes it back, and says what has happened meanwhile. If anything did, the connection is spoilt.
func (g *guard) detach() ending {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.link = nil
	return g.end
}

// state is what has happened so far.
func (g *guard) state() ending {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.end
}

// forgive lets a client that was only too slow, or whose dyno was, read an answer.
func (g *guard) forgive() {
	g.mu.Lock()
	if g.end == expired {
		g.end = running
	}
	g.mu.Unlock()
	select {
	case <-g.wake:
	default:
	}
}

// stop ends what goes on, unless it has come to an end already, or (with late) is not late any more.
func (g *guard) stop(why ending, late bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.end == severed || g.end != running && why != severed {
		return
	}
	due := g.due.Load()
	if late && (due == 0 || due > g.watch.now()) {
		return
	}
	g.end = why
	if g.link != nil {
		g.link.conn.SetDeadline(longAgo)
	}
	switch phase := g.phase.Load(); {
	case why == severed, phase <= reading:
		g.client.sever()
	case why == expired && (phase == asking || phase == uploading):
		// It is the dyno that is late. The client shall be told.
	default:
		g.client.interrupt()
	}
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// left asks the client whether it is still there.
func (g *guard) left() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.end != severed && g.client.gone()
}

// retire ends the guard's work. Its client may not be touched after that.
func (g *guard) retire() {
	g.watch.remove(g)
	g.mu.Lock()
	g.end, g.link = severed, nil
	g.mu.Unlock()
}

var longAgo = time.Unix(1, 0)
