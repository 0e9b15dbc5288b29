package drain

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister/internal/logs"
)

// A receiver takes all and crashes with it, again and again. No more is said meanwhile, so no write can fail.
func TestAReceiverThatCrashesWithAllItGotGetsItAgain(t *testing.T) {
	t.Parallel()
	secure, roots := trust(t)
	x, conns := &inbox{}, atomic.Int32{}
	h := newHouse(t, roots, newSyslogReceiver(t, secure, func(c net.Conn) {
		if conns.Add(1) > 5 {
			x.reads(c)
			return
		}
		frames(c, func(m message) {
			if m.text == "99" {
				c.Close()
			}
		})
	})).start()
	h.count(0, 100)
	eventually(t, func() error { return x.counted(100, true, "web.1") })
}

// What was sent again over a link that stood still as well is as unread as it was before, however long ago it was said.
func TestAReceiverThatStandsStillLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &syslog{pace: usual}
		s.recent = []sent{{first: time.Now(), at: time.Now(), bytes: []byte("the first")}}
		for range 3 * rudeness {
			ours, theirs := net.Pipe()
			s.link = watch(ours, ours)
			go io.ReadFull(theirs, make([]byte, len("the first")))
			if err := s.resend(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if err := s.send(t.Context(), batch("more")); err == nil {
				t.Fatal("nobody reads, and all is well")
			}
			theirs.Close()
		}
		if len(s.recent) != 1 {
			t.Error("it is forgotten")
		}
	})
}

// A receiver that has read all and ends every connection does not get the same for ever.
func TestAReceiverThatEndsEveryConnectionIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &syslog{pace: usual}
		s.recent = []sent{{first: time.Now(), at: time.Now(), bytes: []byte("the first")}}
		times := 0
		for ; len(s.recent) > 0 && times < 100; times++ {
			ours, theirs := net.Pipe()
			s.link = watch(ours, ours)
			go func() { io.ReadFull(theirs, make([]byte, len("the first"))); theirs.Close() }()
			if err := s.resend(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			<-s.link.broken
			s.drop(s.link.err)
		}
		if times != rudeness+1 {
			t.Errorf("it is sent again %d times", times)
		}
	})
}

// TLS would wait five seconds for room to say goodbye: so long that what is to be sent again looked old.
func TestALinkThatStandsStillIsDroppedAtOnce(t *testing.T) {
	secure, roots := trust(t)
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		go tls.Server(theirs, secure).Handshake()
		conn := tls.Client(ours, &tls.Config{RootCAs: roots, ServerName: "example.com", MaxVersion: tls.VersionTLS12})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		s := &syslog{pace: usual, link: watch(conn, ours)}
		start := time.Now()
		if err := s.send(t.Context(), batch("more")); err == nil {
			t.Fatal("nobody reads, and all is well")
		}
		if took := time.Since(start); took != usual.write {
			t.Errorf("it is dropped after %v, want %v", took, usual.write)
		}
	})
}

func batch(text string) logs.Batch {
	return logs.Batch{Entries: []logs.Entry{{Source: "app", Proc: "web.1", Text: strings.Repeat(text, 10)}}}
}
