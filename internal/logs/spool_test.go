package logs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// offered is what a drain is offered now, without waiting; nothing if there is nothing.
func offered(t *testing.T, p *Place) (Batch, []string) {
	t.Helper()
	b, _, err := p.next()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range b.Entries {
		out = append(out, e.Text)
	}
	return b, out
}

func keep(t *testing.T, l *Logs, drains ...string) {
	t.Helper()
	if err := l.Keep("a", drains); err != nil {
		t.Fatal(err)
	}
}

func TestDrainsGetWhatComesAfterThem(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	defer closing(t, l)
	say(l, "a", "web.1", "before")
	l.flush()
	keep(t, l, "d.1")
	say(l, "a", "web.1", "one")
	l.Note("a", "about drains")
	l.flush()
	keep(t, l, "d.1", "d.2")
	say(l, "a", "web.1", "two")
	l.flush()
	_, got := offered(t, l.Place("a", "d.1"))
	equal(t, got, []string{"one", "two"})
	_, got = offered(t, l.Place("a", "d.2"))
	equal(t, got, []string{"two"})
	equal(t, texts(l, "a", Filter{}, 9, 0), []string{"before", "one", "about drains", "two"})
	gone := l.Place("a", "d.1")
	keep(t, l, "d.2")
	_, err := gone.Next(t.Context())
	equal(t, err, ErrGone)
	keep(t, l)
	if left, _ := filepath.Glob(filepath.Join(l.config.Dir, "spool", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	for _, bad := range []string{"", "../x", "a/b"} {
		if l.Keep("a", []string{bad}) == nil || l.Keep(bad, []string{"d.1"}) == nil {
			t.Errorf("%q is kept", bad)
		}
	}
}

func TestTheBatchOnItsWayIsOfferedAgainAfterARestartAsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	keep(t, l, "d.1")
	say(l, "a", "web.1", "one")
	l.flush()
	sent, _ := offered(t, l.Place("a", "d.1"))
	say(l, "a", "web.1", "two")
	for range 3 { // even when more has come
		closing(t, l)
		l = open(t, Config{Dir: dir})
		again, got := offered(t, l.Place("a", "d.1"))
		equal(t, got, []string{"one"})
		equal(t, again.ID, sent.ID)
	}
	p := l.Place("a", "d.1")
	p.Took(sent)
	next, got := offered(t, p)
	equal(t, got, []string{"two"})
	if next.ID == sent.ID {
		t.Error("two batches have one id")
	}
	p.Took(next)
	equal(t, p.Save(), nil)
	closing(t, l)
	l = open(t, Config{Dir: dir})
	_, got = offered(t, l.Place("a", "d.1"))
	equal(t, got, nil)
	say(l, "a", "web.1", "three")
	closing(t, l)
	l = open(t, Config{Dir: dir}) // nobody has said which drains there are
	defer closing(t, l)
	_, got = offered(t, l.Place("a", "d.1"))
	equal(t, got, []string{"three"})
}

func TestASpoolIsAsSmallAsDrainsLetItBe(t *testing.T) {
	t.Parallel()
	l := open(t, Config{Spool: 3 * pieceBytes})
	defer closing(t, l)
	keep(t, l, "d.1", "d.2")
	first, second := l.Place("a", "d.1"), l.Place("a", "d.2")
	size := func() (n int64) {
		files, err := os.ReadDir(first.spool.dir)
		equal(t, err, nil)
		for _, f := range files {
			if info, err := f.Info(); err == nil {
				n += info.Size()
			}
		}
		return n
	}
	write := func(n int) {
		for i := range n {
			say(l, "a", "web.1", fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000)))
		}
		l.flush()
	}
	take := func(p *Place) (n int) {
		for {
			b, got := offered(t, p)
			if len(got) == 0 {
				return n
			}
			p.Took(b)
			n += len(got)
		}
	}
	write(2000)
	equal(t, take(first), 2000)
	if n := size(); n < 2<<20 {
		t.Errorf("%d bytes are kept for the second drain", n)
	}
	equal(t, take(second), 2000)
	if n := size(); n > pieceBytes+4096 {
		t.Errorf("%d bytes are kept for nobody", n)
	}
	write(9000)
	if n := size(); n > 3*pieceBytes+4096 {
		t.Errorf("%d bytes are kept, more than the limit", n)
	}
	b, got := offered(t, second)
	if b.Lost == 0 || b.Lost+len(got) > 9000 || b.Since.IsZero() {
		t.Errorf("%d are lost since %v", b.Lost, b.Since)
	}
	equal(t, b.Lost+take(second), 9000)
	equal(t, take(second), 0)
}

func TestWhatArrivesAlthoughItWasGivenUpIsNotCountedAsLost(t *testing.T) {
	t.Parallel()
	l := open(t, Config{Spool: 2 * pieceBytes})
	defer closing(t, l)
	keep(t, l, "d.1")
	p := l.Place("a", "d.1")
	say(l, "a", "web.1", "slow")
	l.flush()
	slow, _ := offered(t, p)
	n := 0
	for ; p.piece == 1; n++ {
		say(l, "a", "web.1", strings.Repeat("x", 9000))
		l.flush()
	}
	p.Took(slow)
	b, got := offered(t, p)
	lost := b.Lost
	for p.Took(b); ; p.Took(b) {
		if n -= len(got); n <= 0 {
			break
		}
		if b, got = offered(t, p); len(got) == 0 {
			break
		}
	}
	equal(t, lost, n)
}

func TestNextWaitsForLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{})
		keep(t, l, "d.1")
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan string)
		go func() {
			for p := l.Place("a", "d.1"); ; {
				b, err := p.Next(ctx)
				if err != nil {
					close(got)
					return
				}
				got <- b.Entries[0].Text
				p.Took(b)
			}
		}()
		time.Sleep(time.Minute)
		say(l, "a", "web.1", "one")
		began := time.Now()
		equal(t, <-got, "one")
		if took := time.Since(began); took > flushAfter {
			t.Errorf("it came after %v", took)
		}
		cancel()
		_, more := <-got
		equal(t, more, false)
		closing(t, l)
	})
}

func TestTornSpoolsAndPlacesLoseNothingThatIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	keep(t, l, "d.1")
	say(l, "a", "web.1", "one")
	closing(t, l)
	spool := filepath.Join(dir, "spool", "a")
	f, err := os.OpenFile(filepath.Join(spool, "1"), os.O_APPEND|os.O_WRONLY, 0)
	equal(t, err, nil)
	f.WriteString("L\t99999999999999999\t1700000000000000000\tapp\tweb.1\t\ttorn")
	f.Close()
	equal(t, os.WriteFile(filepath.Join(spool, "d.1"+placeSuffix), []byte(`{"pie`), 0o600), nil)
	l = open(t, Config{Dir: dir})
	defer closing(t, l)
	say(l, "a", "web.1", "two")
	l.flush()
	_, got := offered(t, l.Place("a", "d.1"))
	equal(t, got, []string{"one", "two"})
}

func TestDeletingAnAppForgetsWhatItsDrainsHaveNotTaken(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	defer closing(t, l)
	keep(t, l, "d.1")
	say(l, "a", "web.1", "one")
	equal(t, l.Delete("a"), nil)
	if left, _ := filepath.Glob(filepath.Join(l.config.Dir, "spool", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
