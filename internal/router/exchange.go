package router

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

// An exchange is one request and its response, whatever the client speaks. It belongs to a connection and is used
// for one request after the other.
type exchange struct {
	r    *Router
	g    *guard
	q    *request
	down downstream
	up   source // the request's body

	proto   string // "http1.1", "http2.0" or "http3.0", for the log
	https   bool
	version uint16 // of TLS
	sni     string // the name that a TLS client asked for
	shown   []byte // the certificate that it has shown, DER; nil: none
	fwd     []byte // X-Forwarded-For as the dyno gets it
	id      []byte // X-Request-Id
	from    *origin
	client  netip.Addr // whom the request is from
	fromIP  []byte     // whom the connection is from, as text
	secure  bool       // the client speaks TLS, as its balancer says
	port    []byte     // that the client has reached, as its balancer says; nil: not said
	tally   *tally     // of the client's requests to a space; nil: none yet
	scratch [36]byte

	table     *table
	app       *app
	policy    *policy
	dyno      *dyno
	began     time.Time
	connected time.Duration // -1: never
	asked     time.Time     // when the dyno got the request; zero: never
	status    int
	bytes     int64

	out   []byte // what is written to the dyno
	reply response
	body  body
	load  upload
}

// forget makes ready for another client: nothing is kept but memory.
func (x *exchange) forget() {
	fwd, fromIP, out, done := x.fwd, x.fromIP, x.out, x.load.done
	fields, tail, lines := x.reply.fields, x.body.tail.fields, x.body.lines
	*x = exchange{} // in place: a literal would have a copy on the stack
	x.fwd, x.fromIP, x.out, x.load.done = fwd, fromIP, out, done
	x.reply.fields, x.body.tail.fields, x.body.lines = fields[:0], tail[:0], lines
}

// A downstream is the client's end of an exchange. What is written may wait until flush or finish.
type downstream interface {
	goOn() error                                   // 100 Continue
	interim(p *response) error                     // another 1xx
	start(p *response) error                       // the head of the response
	write(p []byte) error                          // a piece of its body
	flush() error                                  // sends what has been written so far
	finish(trailer *head) error                    // its end
	refuse(f *failure, text string) (int64, error) // all of a response, of the router's own
	interrupt()                                    // makes reading fail
	resume()                                       // takes that back
	tunnel(l *link) error                          // whatever the two have agreed on, until both are done
}

// An outcome says what becomes of the client's connection.
type outcome int

const (
	reuse outcome = iota // another request may follow
	last                 // the response is complete, and the last one
	abort                // nothing more is said, not even goodbye
)

// mismatch is the failure of a request to another app than its connection was made for, or one that asks more of its clients. Over HTTP/2, where browsers use a
// connection for all names that its certificate has, the status makes them open another one and ask again.
func (x *exchange) mismatch() *failure {
	if x.proto == "http1.1" {
		return h32
	}
	return h31
}

// run answers the request.
func (x *exchange) run() outcome {
	x.began, x.connected, x.asked = time.Now(), -1, time.Time{}
	x.app, x.dyno, x.status, x.bytes = nil, nil, 0, 0
	x.load.reset()
	if !x.identify() {
		x.q.last = true
		return x.refuse(badRequest)
	}
	if text, ok := x.answer(); ok {
		return x.tell(text)
	}
	a := x.find()
	switch {
	case a == nil && x.table == x.r.blank:
		return x.refuse(&failure{status: 503, page: pageError}) // knows no app at all: that is not the client's mistake
	case a == nil:
		return x.refuse(noSuchApp)
	case !a.admits(x.from, x.client):
		return abort
	}
	x.count()
	if x.sni != "" {
		if other := x.table.reachSNI(x.sni, x.from).app; other != nil && other != a {
			return x.refuse(x.mismatch())
		}
	}
	switch {
	case x.https && !x.policy.allows(x.from.policy.Load(), x.version):
		return x.refuse(x.mismatch())
	case !x.https && x.policy.closed:
		return x.refuse(h32Plain)
	}
	if x.q.oddExpect {
		return x.refuse(h26Expect)
	}
	if f := x.choose(); f != nil {
		return x.refuse(f)
	}
	if x.dyno == nil {
		return abort
	}
	defer x.dyno.release()
	return x.carry()
}

// tell answers with a text of the router's own, which nobody's log hears of.
func (x *exchange) tell(text string) outcome {
	x.status = answered.status
	x.g.enter(replying, x.r.limits.roll)
	if _, err := x.down.refuse(answered, text); err != nil {
		return abort
	}
	if x.q.length == 0 && !x.q.last && !x.r.closing.Load() {
		return reuse
	}
	return last
}

// find looks the app up, and leaves word with the guard. If the table changes in between it looks again: whoever
// adopts a table either finds the guard's app, or is noticed here.
func (x *exchange) find() *app {
	for {
		t := x.r.table.Load()
		at := t.reach(x.q.name, x.from)
		x.g.visits(at.app, x.q.name, x.client)
		if x.r.table.Load() == t {
			x.table, x.app, x.policy = t, at.app, at.policy
			return at.app
		}
	}
}

// choose picks a dyno at random, and waits for one while the first is starting. Without a dyno and without a failure
// the client shall get nothing.
func (x *exchange) choose() *failure {
	waiting := false
	for a := x.app; ; a = x.find() {
		switch {
		case a == nil:
			return noSuchApp
		case !a.admits(x.from, x.client):
			return nil
		case a.Maintenance:
			return h80
		case len(a.dynos) > 0:
			d := a.dynos[rand.IntN(len(a.dynos))]
			if a.backlogged(d, int64(x.r.config.DynoRequests)) {
				return h11
			}
			if d.acquire() {
				x.dyno = d
				return nil
			}
			continue // it has just left the table, so there is a new one
		case a.Blank:
			return h81
		case a.Starting:
		case a.Crashed:
			return h10
		default:
			return h14
		}
		if !waiting {
			waiting = true
			x.g.enter(asking, x.r.limits.queue)
		}
		select {
		case <-x.table.replaced:
		case <-x.g.wake:
			switch x.g.state() {
			case expired:
				x.g.forgive()
				return h20
			case departed:
				return h27
			case severed:
				return x.forced()
			}
		}
	}
}

// forced is the failure to log when the guard has cut the client off: none if that is what nobody shall know of.
func (x *exchange) forced() *failure {
	if x.r.closing.Load() {
		return h24
	}
	return nil
}

// refuse answers in place of a dyno, and logs it.
func (x *exchange) refuse(f *failure) outcome {
	x.status = f.status
	end := last
	if f.page == "" || f == h24 {
		x.status, end = f.status, abort
	} else {
		x.g.enter(replying, x.r.limits.roll)
		n, err := x.down.refuse(f, x.app.page(f))
		if x.bytes = n; err != nil {
			end = abort
		} else if x.q.length == 0 && !x.q.last && !x.r.closing.Load() {
			end = reuse
		}
	}
	if f.code != "" {
		x.log(f)
	}
	return end
}

// broken ends an exchange in the middle of a response: the client must see that it is not complete.
func (x *exchange) broken(f *failure) outcome {
	if f != nil {
		x.status = f.status
		x.log(f)
	}
	return abort
}
