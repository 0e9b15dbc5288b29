package drain

import "time"

// A pace is how long to wait for whom.
type pace struct {
	shortest, longest time.Duration // between two attempts

	connect time.Duration // for a connection, TLS included
	answer  time.Duration // for the whole of a request over HTTP
	write   time.Duration // for a receiver of syslog to make room for writeBytes
	ack     time.Duration // for its machine to say that something has come
	doubt   time.Duration // how long something may be with it without having been read; more than write and ack
	part    time.Duration // for what is on its way when we go
}

var usual = pace{
	shortest: time.Second, longest: time.Minute,
	connect: 5 * time.Second, answer: 15 * time.Second, write: 15 * time.Second, ack: 15 * time.Second, doubt: 20 * time.Second,
	part: 2 * time.Second,
}
