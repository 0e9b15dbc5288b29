package drain

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/outside"
)

const (
	writeBytes = 16 << 10 // what a receiver gets pace.write for
	queueBytes = 64 << 10 // what our machine holds because the receiver's has no room; so a slow one is seen to move
	doubtBytes = 8 << 20  // more than both machines hold without its having read it
	rudeness   = 5        // so many connections may a receiver end before it has read what it was sent
)

// Syslog is a receiver of syslog over TCP. It acknowledges nothing. So what was sent to it within the last moments
// before its connection broke is sent again, as often as that happens, and when we end the connection we wait for it
// to have read all.
type syslog struct {
	drain  cloister.Drain
	config outside.Config
	pace   pace
	tls    *tls.Config // nil: in the clear
	link   *link       // nil: none
	recent []sent      // what may not have been read, over this link or the one before it
}

// A link is a connection that is known to have ended when it has.
type link struct {
	net.Conn
	wire   net.Conn      // what is below TLS
	broken chan struct{} // closed when it has
	at     time.Time     // when that was
	err    error         // why; nil: in good order
}

type sent struct {
	first, at time.Time // and the last time
	bytes     []byte
	ended     int // how many connections, that had it, the receiver has ended
}

// newSyslog is nil for a drain that does not speak syslog.
func newSyslog(d cloister.Drain, c outside.Config, p pace) *syslog {
	s := &syslog{drain: d, config: c, pace: p}
	switch scheme, _, _ := strings.Cut(d.URL.Reveal(), ":"); scheme {
	case "syslog":
	case "syslog+tls":
		host, _, _ := net.SplitHostPort(d.HostPort())
		s.tls = c.TLS()
		s.tls.ServerName = host
	default:
		return nil
	}
	return s
}

func (s *syslog) send(ctx context.Context, b logs.Batch) error {
	if s.link != nil && s.link.isBroken() {
		s.drop(s.link.err)
	}
	if s.link == nil {
		if err := s.connect(ctx); err != nil {
			return err
		}
		if err := s.resend(ctx); err != nil {
			return err
		}
	}
	all := messages(b)
	if len(all) == 0 {
		return nil
	}
	frames := make([]byte, 0, 128<<10)
	for _, e := range all {
		frames = appendFrame(frames, e, s.drain.Token, " - - ", "")
	}
	if err := s.write(ctx, frames); err != nil {
		return err
	}
	now := time.Now()
	s.recent = append(s.recent, sent{first: now, at: now, bytes: frames})
	s.forget(now)
	return nil
}

// resend sends over a new link what may not have been read over the last.
func (s *syslog) resend(ctx context.Context) error {
	for i := range s.recent {
		if err := s.write(ctx, s.recent[i].bytes); err != nil {
			return err
		}
		s.recent[i].at = time.Now()
	}
	return nil
}

// forget is about what must have been read if the link was there at a time. And there are receivers that end every
// connection when they have read all: they do not get the same for ever.
func (s *syslog) forget(at time.Time) {
	size := 0
	for i, x := range slices.Backward(s.recent) {
		old := at.Sub(x.at) > s.pace.doubt || x.ended > rudeness && at.Sub(x.first) > s.pace.doubt
		if size += len(x.bytes); old || size > doubtBytes {
			s.recent = s.recent[i+1:]
			return
		}
	}
}

func (s *syslog) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.pace.connect)
	defer cancel()
	conn, err := (&net.Dialer{Control: impatient(s.config.Allowed, s.pace.ack), KeepAlive: s.pace.doubt}).DialContext(ctx, "tcp", s.drain.HostPort())
	if err != nil {
		return err
	}
	if s.tls == nil {
		s.link = watch(conn, conn)
		return nil
	}
	secure := tls.Client(conn, s.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return err
	}
	s.link = watch(secure, conn)
	return nil
}

func watch(conn, wire net.Conn) *link {
	l := &link{Conn: conn, wire: wire, broken: make(chan struct{})}
	go func() { // ends when the connection does
		_, l.err = io.Copy(io.Discard, conn)
		l.at = time.Now()
		close(l.broken)
	}()
	return l
}

// write sends b piece by piece: a receiver may be slow, but not stand still.
func (s *syslog) write(ctx context.Context, b []byte) error {
	l := s.link
	stop := context.AfterFunc(ctx, func() { l.SetWriteDeadline(time.Now().Add(s.pace.part)) })
	defer stop()
	for len(b) > 0 {
		n := min(len(b), writeBytes)
		if ctx.Err() == nil {
			l.SetWriteDeadline(time.Now().Add(s.pace.write))
		}
		if _, err := l.Write(b[:n]); err != nil {
			s.drop(err)
			if errors.Is(err, net.ErrClosed) || outside.TimedOut(err) {
				return fmt.Errorf("the receiver reads nothing")
			}
			return err
		}
		b = b[n:]
	}
	return nil
}

// unsure is closed when the link has broken so soon after something was sent that it may not have been read.
func (s *syslog) unsure() <-chan struct{} {
	if s.link == nil || len(s.recent) == 0 || time.Since(s.recent[len(s.recent)-1].at) > s.pace.doubt {
		return nil
	}
	return s.link.broken
}

func (l *link) isBroken() bool {
	select {
	case <-l.broken:
		return true
	default:
		return false
	}
}

// drop ends a link that is of no use for a reason. TLS is not told: it would wait until it could say goodbye.
func (s *syslog) drop(why error) {
	s.link.wire.Close()
	<-s.link.broken
	if !outside.TimedOut(why) { // one that stands still has ended nothing
		for i := range s.recent {
			s.recent[i].ended++
		}
	}
	s.forget(s.link.at)
	s.link = nil
}

// close says that no more comes, and waits for the receiver to have read what came.
func (s *syslog) close() {
	if s.link == nil {
		return
	}
	s.link.SetDeadline(time.Now().Add(s.pace.part))
	if half, ok := s.link.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		<-s.link.broken // its end, or the deadline
	}
	s.link.wire.Close()
	<-s.link.broken
	s.link = nil
}
