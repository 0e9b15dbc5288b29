package attach_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/attach"
	"github.com/cloister-dev/cloister/internal/engine"
)

func TestTheFirstRecordSaysThatTheCommandRunsAndNothingElse(t *testing.T) {
	t.Parallel()
	up := make(chan struct{})
	p := serve(t, 0, session{run: func(_ context.Context, term engine.Terminal) error {
		<-up
		term.Began()
		_, err := io.WriteString(term.Out, "hello")
		return err
	}})
	c := p.dial(t, "secret?from=here")
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); n > 0 || !errors.As(err, new(net.Error)) {
		t.Fatalf("it said something before the command ran: %v", err)
	}
	c.SetReadDeadline(time.Now().Add(patience))
	close(up)
	if got := record(t, c); got != "rendezvous\r\n" {
		t.Fatalf("the first record is %q", got)
	}
	if got := record(t, c); got != "hello" {
		t.Errorf("the second record is %q", got)
	}
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil { // an error would be: it ended without close_notify
		t.Errorf("then came %q, %v", rest, err)
	}
}

func TestAWrongOrUsedSecretGetsNothing(t *testing.T) {
	t.Parallel()
	p := serve(t, 0, session{run: cat})
	good := p.dial(t, "secret")
	record(t, good)
	for _, secret := range []string{"secret", "Secret", "", "?secret", strings.Repeat("x", 5000)} {
		if got, _ := io.ReadAll(p.dial(t, secret)); len(got) > 0 {
			t.Errorf("%.10q got %q", secret, got)
		}
	}
	io.WriteString(good, "still there")
	if got := record(t, good); got != "still there" {
		t.Errorf("got %q", got)
	}
}

func TestAHundredMegabytesGoBothWays(t *testing.T) {
	t.Parallel()
	p := serve(t, 0, session{run: cat})
	c := p.dial(t, "secret?eof=close")
	record(t, c)
	const chunks, size = 1600, 64 << 10
	chunk := func(i int) []byte { // with many a 4 and a mark, whole or not
		b := make([]byte, size+i%3)
		r := mathrand.New(mathrand.NewPCG(1, uint64(i)))
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		copy(b[r.IntN(size-4):], "\uFFFF")
		copy(b[len(b)-2:], "\xef\xbf")
		if i%5 == 0 {
			b[len(b)-1] = 4
		}
		return b
	}
	go func() {
		for i := range chunks {
			if _, err := c.Write(chunk(i)); err != nil {
				return
			}
		}
		c.CloseWrite()
	}()
	for i := range chunks {
		want := chunk(i)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("chunk %d came back as another: %v", i, err)
		}
	}
	if rest, err := io.ReadAll(c); string(rest) != "\uFFFF heroku-command-exit-status: 7\r\n" || err != nil {
		t.Errorf("it ends with %d bytes, %v", len(rest), err)
	}
}

func TestTheEndOfTheInputIsAFourByItself(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		tty  bool
		send []string // records
		want string
		ends bool
	}{
		"the end":                    {false, []string{"abc", "\x04"}, "abc", true},
		"nothing but the end":        {false, []string{"\x04"}, "", true},
		"a four at the end of text":  {false, []string{"abc\x04", "d"}, "abc\x04d", false},
		"a four by itself, and more": {false, []string{"\x04", "abc"}, "\x04abc", false},
		"a four, and the end":        {false, []string{"\x04", "\x04"}, "\x04", true},
		"on a terminal":              {true, []string{"a", "\x04"}, "a\x04", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, 0, session{tty: x.tty, run: cat}).dial(t, "secret")
			record(t, c)
			for _, s := range x.send {
				io.WriteString(c, s)
			}
			got := make([]byte, len(x.want))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != x.want {
				t.Fatalf("got %q, %v", got, err)
			}
			if x.ends {
				if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
					t.Errorf("then came %q, %v", rest, err)
				}
				return
			}
			io.WriteString(c, "more")
			if got := record(t, c); got != "more" {
				t.Errorf("it did not go on: %q", got)
			}
		})
	}
}

func TestAClientThatClosesItsSideHasNoSpecialBytes(t *testing.T) {
	t.Parallel()
	c := serve(t, 0, session{run: cat}).dial(t, "secret?eof=close")
	record(t, c)
	for range 3 {
		io.WriteString(c, "\x04")
		if got := record(t, c); got != "\x04" { // at once
			t.Fatalf("got %q", got)
		}
	}
	check(t, c.CloseWrite())
	if rest, err := io.ReadAll(c); string(rest) != "\uFFFF heroku-command-exit-status: 7\r\n" || err != nil {
		t.Errorf("then came %q, %v", rest, err)
	}
}

func TestAConnectionIsNothingButItsBytes(t *testing.T) {
	t.Parallel()
	c := serve(t, 0, session{run: cat}).dial(t, "secret?eof=raw")
	record(t, c)
	for _, sent := range []string{"\xef", "\xef\xbf", "\x04", "\uFFFF heroku-command-exit-status: 1"} {
		io.WriteString(c, sent)
		if got := record(t, c); got != sent { // at once, though a mark could begin so
			t.Fatalf("got %q, want %q", got, sent)
		}
	}
	check(t, c.CloseWrite())
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
		t.Errorf("then came %q, %v", rest, err)
	}
}

func TestTheExitStatusComesInOnePiece(t *testing.T) {
	t.Parallel()
	const status = "\uFFFF heroku-command-exit-status: 7\r\n"
	c := serve(t, 0, session{run: func(_ context.Context, term engine.Terminal) error {
		term.Began()
		io.WriteString(term.Out, strings.Repeat("x", 16<<10-5)+status[:2]) // where a record ends
		for _, b := range []byte(status[2:]) {
			term.Err.Write([]byte{b})
		}
		return nil
	}}).dial(t, "secret")
	record(t, c)
	for total := 0; total < 16<<10-5; {
		got := record(t, c)
		if strings.Trim(got, "x") != "" {
			t.Fatalf("a record ends in %q", got[max(0, len(got)-10):])
		}
		total += len(got)
	}
	if got := record(t, c); got != status {
		t.Errorf("got %q", got)
	}
}

func TestWhatOnlyLooksLikeAMarkIsNotHeldForLong(t *testing.T) {
	t.Parallel()
	c := serve(t, 0, session{run: func(ctx context.Context, term engine.Terminal) error {
		term.Began()
		io.WriteString(term.Out, "name\xef")
		<-ctx.Done()
		return nil
	}}).dial(t, "secret")
	record(t, c)
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "name\xef" {
		t.Errorf("got %q, %v", got, err)
	}
}

// waits is a session that tells when its client is known to have gone.
func waits(in bool) (session, <-chan struct{}) {
	gone := make(chan struct{})
	return session{run: func(ctx context.Context, term engine.Terminal) error {
		term.Began()
		if in {
			go io.Copy(io.Discard, term.In)
		}
		<-ctx.Done()
		close(gone)
		_, err := io.WriteString(term.Out, "last words") // to nobody, and no error
		return err
	}}, gone
}

func wait(t *testing.T, gone <-chan struct{}) {
	t.Helper()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("nobody noticed")
	}
}

func TestAClientThatVanishesIsNoticed(t *testing.T) {
	t.Parallel()
	for name, reads := range map[string]bool{"while its input is read": true, "while nobody reads its input": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gone := waits(reads)
			c := serve(t, 0, s).dial(t, "secret")
			record(t, c)
			io.WriteString(c, "half a fi")
			c.NetConn().Close()
			wait(t, gone)
		})
	}
}

func TestAVanishedClientDoesNotEndTheInput(t *testing.T) {
	t.Parallel()
	over, ended := make(chan struct{}), make(chan error, 1)
	c := serve(t, 0, session{run: func(ctx context.Context, term engine.Terminal) error {
		term.Began()
		go func() { _, err := io.ReadAll(term.In); ended <- err }()
		<-ctx.Done()
		<-over
		return nil
	}}).dial(t, "secret")
	record(t, c)
	io.WriteString(c, "half a fi")
	c.Close()
	select {
	case err := <-ended:
		t.Errorf("half a file was a whole one (%v)", err)
	case <-time.After(200 * time.Millisecond):
	}
	close(over)
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	t.Parallel()
	s, gone := waits(true)
	c := serve(t, 300*time.Millisecond, s).dial(t, "secret")
	record(t, c)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 10 { // longer than it may be idle
		<-tick.C
		io.WriteString(c, "x")
	}
	select {
	case <-gone:
		t.Fatal("a busy connection was closed")
	default:
	}
	wait(t, gone)
	if got, err := io.ReadAll(c); len(got) > 0 || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWhyThereIsNothingIsTold(t *testing.T) {
	t.Parallel()
	c := serve(t, 0, session{run: func(context.Context, engine.Terminal) error {
		return cloister.Errorf(cloister.Unavailable, "The dyno did not start.")
	}}).dial(t, "secret")
	if got := record(t, c); got != "rendezvous\r\n" {
		t.Errorf("the first record is %q", got)
	}
	if got, err := io.ReadAll(c); string(got) != "\r\nThe dyno did not start.\r\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheOutputArrivesAlthoughInputIsLeft(t *testing.T) {
	t.Parallel()
	p := serve(t, 0, session{run: func(_ context.Context, term engine.Terminal) error {
		term.Began()
		_, err := io.WriteString(term.Out, strings.Repeat("y\n", 200_000))
		return err
	}})
	c := p.dial(t, "secret")
	record(t, c)
	go func() {
		for {
			if _, err := c.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}()
	if got, err := io.ReadAll(c); len(got) != 400_000 || err != nil {
		t.Errorf("%d bytes came of 400000, %v", len(got), err)
	}
}

// Heroku's CLI dies when the end of a command reaches it before it could say that its own input has ended.
func TestACommandThatEndsAtOnceDoesNotOutrunTheEndOfTheInput(t *testing.T) {
	t.Parallel()
	p := serveAs(t, attach.Config{Settle: patience}, session{run: func(_ context.Context, term engine.Terminal) error {
		term.Began()
		go io.Copy(io.Discard, term.In)
		_, err := io.WriteString(term.Out, "done")
		return err
	}})
	c := p.dial(t, "secret")
	record(t, c)
	if got := record(t, c); got != "done" {
		t.Fatalf("got %q", got)
	}
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.As(err, new(net.Error)) {
		t.Fatalf("it ended before the client could speak: %v", err)
	}
	c.SetReadDeadline(time.Now().Add(patience / 2))
	io.WriteString(c, "\x04")
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil { // an error would be: it waited for no reason
		t.Errorf("then came %q, %v", rest, err)
	}
}
