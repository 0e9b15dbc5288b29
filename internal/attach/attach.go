// Package attach connects clients with the commands of one-off dynos, by the rendezvous protocol of Heroku's CLI: over
// TLS, the client sends a secret and a newline; when the command runs it gets one line back, and from then on bytes go
// both ways until the command ends or the client hangs up.
//
// It knows no dynos, no apps and no people: who has the secret may talk to the command that it was made for, once. It
// keeps nothing in memory but what is on its way: whoever reads slowly is written to slowly.
package attach

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Hello is what a client gets when its command runs: in a record of its own, as Heroku's CLI throws away what comes
// with it.
const Hello = "rendezvous\r\n"

const (
	helloWithin = 30 * time.Second // for the secret
	maxSecret   = 1024             // bytes of the line with it
	maxWaiting  = 256              // clients who have not shown a secret yet
	lastWords   = 5 * time.Second  // for the client to take the end of the output
)

// A Session is a command that waits for its client.
type Session interface {
	// HasTTY reports whether the command has a terminal.
	HasTTY() bool
	// Run runs the command on t and returns its exit status when it has ended and all of its output was written. ctx is
	// done when the client has gone; it may still take a while then.
	Run(ctx context.Context, t engine.Terminal) (exit int, err error)
}

// Config is what an Attach works with.
type Config struct {
	// Claim takes the session that a secret is for. A secret works once.
	Claim func(cloister.Secret) (Session, bool)
	Idle  time.Duration // a connection on which nothing moved for so long is closed; 0: an hour
	// Settle is for how long after a command has begun its end is kept from a client of whose input nothing has come yet;
	// 0: engine.SettleFor.
	Settle time.Duration
}

// An Attach serves clients.
type Attach struct {
	config  Config
	log     *slog.Logger
	waiting chan struct{}
}

// New returns an Attach.
func New(c Config, log *slog.Logger) *Attach {
	if c.Idle == 0 {
		c.Idle = time.Hour
	}
	return &Attach{config: c, log: log, waiting: make(chan struct{}, maxWaiting)}
}

// Conn is a connection of TLS.
type Conn interface {
	net.Conn
	CloseWrite() error
}

// Serve serves clients until ctx is done or l is closed, and waits for them. The connections of l are of type Conn.
func (a *Attach) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		select {
		case a.waiting <- struct{}{}:
			clients.Go(func() { a.serve(ctx, c.(Conn)) })
		default:
			c.Close()
		}
	}
}

// serve serves one client. One without a secret that works gets no answer.
func (a *Attach) serve(ctx context.Context, c Conn) {
	defer c.Close()
	s, in, ends, ok := a.claim(c)
	<-a.waiting
	if !ok {
		return
	}
	// The end of ctx is not the client's: the session knows of it, and tells.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	l := &line{Conn: c, idle: a.config.Idle, hangUp: cancel, over: make(chan struct{}), settling: engine.NewSettling(a.config.Settle)}
	l.moved.Store(time.Now().UnixNano())
	defer close(l.over)
	go l.watch(ctx)
	out := &output{to: l, raw: ends == Raw}
	closes := ends != Query
	exit, err := s.Run(ctx, engine.Terminal{In: &input{line: l, from: in, plain: closes || s.HasTTY(), closes: closes}, Out: out, Err: out, Began: out.began})
	switch {
	case err != nil:
		out.complain(cloister.MessageOf(err))
	case ends == Closing:
		out.status(exit)
	}
	out.close()
	if ends == Query {
		l.settling.Wait(ctx)
	}
	l.goodbye()
}

// Query is what comes after the secret in the address that clients are given, and which they send with it. A client that
// says Closing instead ends its input by closing its side of TLS, and no byte of its input means anything but itself. It is
// told the exit status in the end, so that it knows an end from a loss. One that says Raw ends its input alike, and gets
// each byte of the output as it is, at once, and no exit status: what it wants is a connection.
const (
	Query   = "eof=eot"
	Closing = "eof=close"
	Raw     = "eof=raw"
)

// claim reads the secret, and how the client will end its input, and finds what the secret is for.
func (a *Attach) claim(c Conn) (s Session, in *bufio.Reader, ends string, ok bool) {
	c.SetReadDeadline(time.Now().Add(helloWithin))
	in = bufio.NewReaderSize(c, maxSecret)
	text, err := in.ReadSlice('\n')
	if err != nil {
		return nil, nil, "", false
	}
	secret, query, _ := strings.Cut(strings.TrimRight(string(text), "\r\n"), "?")
	c.SetReadDeadline(time.Time{})
	s, ok = a.config.Claim(cloister.Secret(secret))
	if query != Closing && query != Raw {
		query = Query
	}
	return s, in, query, ok
}

// A line is the connection with a client. A client that is gone is told to hangUp; the line is cut then, and what is
// written to it is thrown away.
type line struct {
	Conn
	idle     time.Duration
	hangUp   context.CancelFunc
	settling *engine.Settling
	over     chan struct{} // closed when the session has ended
	moved    atomic.Int64  // when something came or went
	cut      atomic.Bool
}

// lose gives the client up.
func (l *line) lose() {
	l.cut.Store(true)
	l.hangUp()
	l.Conn.Close()
}

// watch gives up a client on whose line nothing moves, or who has gone without anybody noticing.
func (l *line) watch(ctx context.Context) {
	tick := time.NewTicker(min(l.idle/4, 5*time.Second))
	defer tick.Stop()
	for {
		select {
		case <-l.over:
			return
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if now.Sub(time.Unix(0, l.moved.Load())) >= l.idle || hungUp(l.Conn) {
				l.lose()
				return
			}
		}
	}
}

func (l *line) send(p []byte) {
	if len(p) == 0 || l.cut.Load() {
		return
	}
	if _, err := l.Conn.Write(p); err != nil {
		l.lose()
		return
	}
	l.moved.Store(time.Now().UnixNano())
}

// goodbye ends the connection so that the client gets all that was written: closing it while something of the client's
// is still unread would cut it.
func (l *line) goodbye() {
	if l.cut.Load() || l.CloseWrite() != nil {
		return
	}
	l.SetReadDeadline(time.Now().Add(lastWords))
	io.Copy(io.Discard, l.Conn)
}
