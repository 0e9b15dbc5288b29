package logs

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// refuseAfter makes files of this process refuse to grow beyond a size, as on a full disk, until relent is called.
func refuseAfter(t *testing.T, size int64) (relent func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { set(before) })
	set(syscall.Rlimit{Cur: uint64(size), Max: before.Max})
	return func() { set(before) }
}

func TestFullDiskTearsNoLineAndLosesNone(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	path := filepath.Join(dir, "apps", "hello.log")
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	say(l, "hello", "web.1", "one")
	l.flush()
	before := size()
	relent := refuseAfter(t, before+10) // so that the beginning of a line still fits
	say(l, "hello", "web.1", "two "+strings.Repeat("x", 100))
	l.flush()
	relent()
	if got := size(); got != before {
		t.Errorf("the file has %d bytes after a line that did not fit, and had %d", got, before)
	}
	say(l, "hello", "web.1", "three")
	closing(t, l)
	l = open(t, Config{Dir: dir})
	defer closing(t, l)
	equal(t, texts(l, "hello", Filter{}, 10, 0), []string{"one", "two " + strings.Repeat("x", 100), "three"})
}

func TestFullDiskLosesNoLineOfADrain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	defer closing(t, l)
	keep(t, l, "d.1")
	say(l, "a", "web.1", "one")
	l.flush()
	relent := refuseAfter(t, 60)
	say(l, "a", "web.1", "two "+strings.Repeat("x", 100))
	l.flush()
	say(l, "a", "web.1", "three")
	l.flush()
	relent()
	say(l, "a", "web.1", "four")
	l.flush()
	b, got := offered(t, l.Place("a", "d.1"))
	equal(t, got, []string{"one", "two " + strings.Repeat("x", 100), "three", "four"})
	equal(t, b.Lost, 0)
}

func TestWhatAFullDiskLosesIsCounted(t *testing.T) {
	l := open(t, Config{})
	defer closing(t, l)
	keep(t, l, "d.1")
	relent := refuseAfter(t, 60)
	const n = 2 * flushBytes / 1000
	for range n {
		say(l, "a", "web.1", strings.Repeat("x", 1000))
	}
	l.flush()
	relent()
	say(l, "a", "web.1", "last")
	l.flush()
	b, got := offered(t, l.Place("a", "d.1"))
	if b.Lost == 0 || got[len(got)-1] != "last" {
		t.Errorf("%d lost, then %d lines", b.Lost, len(got))
	}
	came := 0
	lost := b.Lost
	for p := l.Place("a", "d.1"); len(got) > 0; b, got = offered(t, p) {
		p.Took(b)
		came += len(got)
	}
	equal(t, came+lost, n+1)
}
