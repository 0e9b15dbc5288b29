package local

import (
	"bufio"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pumpVariable makes this test binary a process that pumps the output in a directory.
const pumpVariable = "CLOISTER_TEST_PUMP"

// pumps are the pumps of both streams in a directory.
func openBoth(dir string) (s *spool, pumps []*pump, err error) {
	if s, err = openSpool(filepath.Join(dir, "log")); err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"stdout", "stderr"} {
		p, err := openPump(filepath.Join(dir, name), s, name == "stderr", slog.New(slog.NewTextHandler(os.Stderr, nil)))
		if err != nil {
			return nil, nil, err
		}
		pumps = append(pumps, p)
	}
	return s, pumps, nil
}

func TestPumpAsAProcess(t *testing.T) {
	dir := os.Getenv(pumpVariable)
	if dir == "" {
		t.Skip("it is run by TestAKillNeitherLosesNorRepeatsNorTearsOutput")
	}
	_, pumps, err := openBoth(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, p := range pumps {
		all.Go(p.run)
	}
	all.Wait()
}

func TestAKillNeitherLosesNorRepeatsNorTearsOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	process := func() *exec.Cmd {
		t.Helper()
		c := exec.Command(os.Args[0], "-test.run=^TestPumpAsAProcess$")
		c.Env, c.Stderr = append(os.Environ(), pumpVariable+"="+dir), os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	const kills = 60
	const ahead = 10_000 // lines of a stream that may be unread: less than a spool keeps, however long a process lives
	var writing sync.WaitGroup
	stop := make(chan struct{})
	wrote := map[string]*int{"stdout": new(int), "stderr": new(int)}
	read := map[string]*atomic.Int64{"stdout": {}, "stderr": {}}
	for name, n := range wrote {
		fifo, err := makeFIFO(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		writing.Go(func() {
			defer fifo.Close()
			w := bufio.NewWriterSize(fifo, 3001) // so that lines are cut anywhere
			defer w.Flush()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if int64(*n)-read[name].Load() > ahead {
					runtime.Gosched() // the spool would forget what nobody has read yet
					continue
				}
				*n++
				fmt.Fprintf(w, "%s %d %s\n", name, *n, strings.Repeat("x", *n%90))
			}
		})
	}
	last, at := map[string]int{}, time.Time{}
	// check reads what is new in the spool, while nobody writes to it.
	check := func() {
		t.Helper()
		s, err := openSpool(filepath.Join(dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		s.close()
		for l, err := range s.read(t.Context(), at) {
			if err != nil {
				t.Fatal(err)
			}
			var name string
			var n int
			fmt.Sscan(l.Text, &name, &n)
			if l.Text != fmt.Sprintf("%s %d %s", name, n, strings.Repeat("x", n%90)) || l.Stderr != (name == "stderr") {
				t.Fatalf("a line is torn: %q", l.Text)
			}
			if n != last[name]+1 {
				t.Fatalf("after line %d of %s comes %d", last[name], name, n)
			}
			last[name], at = n, l.At
			read[name].Store(int64(n))
		}
	}
	for range kills {
		c := process()
		// How far it gets is not what counts: it is killed wherever it is.
		unix.Poll(nil, 5+rand.IntN(30))
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		c.Wait()
		check()
	}
	close(stop)
	c := process()
	writing.Wait()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	check()
	for name, n := range wrote {
		if last[name] != *n {
			t.Errorf("the last line of %s is %d, and %d were written", name, last[name], *n)
		}
	}
	var st unix.Stat_t
	for name := range wrote {
		if err := unix.Stat(filepath.Join(dir, name+".raw"), &st); err != nil || st.Blocks*512 > 2*pumpedMost {
			t.Errorf("%s takes %d bytes beside the spool: %v", name, st.Blocks*512, err)
		}
	}
	t.Logf("%d and %d lines", *wrote["stdout"], *wrote["stderr"])
}

func TestOutputWithoutANewlineIsALineInTheEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := strings.Repeat("y", maxLine)
	for name, text := range map[string]string{"stdout": "one\r\ntwo", "stderr": long + long + "z\n\n"} {
		fifo, err := makeFIFO(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer fifo.Close()
		if _, err := fifo.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time there is nothing more to do
		s, pumps, err := openBoth(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pumps {
			if p.size == 0 {
				if err := p.take(); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.keep(true); err != nil {
				t.Fatal(err)
			}
			p.close()
		}
		s.close()
		var got []string
		for l, err := range s.read(t.Context(), time.Time{}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, l.Text)
		}
		if want := []string{"one", "two", long, long, "z", ""}; strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("got %d lines: %.60q", len(got), got)
		}
	}
}
