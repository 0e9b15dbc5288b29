package router

import (
	"net"
	"time"
)

// Config is what a router needs to know before it has a table.
type Config struct {
	HTTP   string // address for plain HTTP; "" is ":8080"
	HTTPS  string // address for TLS; "" is ":8443"
	Socket string // unix socket on which control serves its Feed
	Doors  string // unix socket on which the node hands out listeners inside spaces; "": no app is internal
	State  string // directory in which the last table is kept; it holds private keys and belongs to the router alone

	// DynoRequests is how many requests at once an app may have for each of its dynos before others are refused (H11);
	// 0: no limit. Heroku's is 200 (heroku-behaviours 4), of each of its routers.
	DynoRequests int

	// Listeners that a supervisor has opened, used instead of the addresses. With the addresses, a new router may
	// start while an old one is still draining: both listen (SO_REUSEPORT).
	HTTPListener, HTTPSListener net.Listener // optional

	// QUIC is the address for HTTP/3, over UDP; QUICSocket is a socket of a supervisor's, used instead. With neither there is
	// none. A new router waits until the old one has drained before it reads.
	QUIC       string
	QUICSocket net.PacketConn

	limits limits // zero values are the real ones; tests are less patient
}

// limits are the patience of the router.
type limits struct {
	handshake time.Duration // for a TLS handshake
	head      time.Duration // for a request's head, from its first byte
	idle      time.Duration // between two requests of a connection
	dial      time.Duration // for a dyno to accept a connection (H19)
	first     time.Duration // for the first byte of a response (H12)
	roll      time.Duration // between two bytes, in either direction (H15, H28)
	queue     time.Duration // for a first dyno to come up (H20)
	pooled    time.Duration // that an unused connection to a dyno is kept
	blank     time.Duration // for a first table, before anybody is served without one
	drain     time.Duration // for requests to finish when the router ends
	linger    time.Duration // for a client to read an answer before its unread request is thrown away
	poll      time.Duration // of a long poll for the table
	tick      time.Duration // of the watch: how exactly all of the above are kept
}

func (l limits) withDefaults() limits {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&l.handshake, 10*time.Second)
	set(&l.head, 30*time.Second)
	set(&l.idle, time.Minute)
	set(&l.dial, 5*time.Second)
	set(&l.first, 30*time.Second)
	set(&l.roll, 55*time.Second)
	set(&l.queue, 75*time.Second)
	set(&l.pooled, 90*time.Second)
	set(&l.blank, 3*time.Second)
	set(&l.drain, 30*time.Second)
	set(&l.linger, time.Second)
	set(&l.poll, 10*time.Second)
	set(&l.tick, 100*time.Millisecond)
	return l
}
