package simulation

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

var (
	histories = flag.Int("histories", 10_000, "how many short histories to play")
	first     = flag.Int("first", 1, "the seed of the first short history; each has the next")
)

// part is set in the processes that play a part of the short histories each.
var part = os.Getenv("CLOISTER_SIMULATION_PART") != ""

// brief is a history of a small installation to which few things happen, one soon after another: most of what goes wrong is
// due to two or three of them that meet.
var brief = scale{apps: []string{"alpha"}, dynos: 4, actions: [2]int{3, 5}, first: time.Minute, pause: 12}

// TestTheServerKeepsItsPromisesInManyShortHistories plays them in as many processes as there are processors: the world of
// a history has one clock and one source of chance, which two in a process would share.
func TestTheServerKeepsItsPromisesInManyShortHistories(t *testing.T) {
	if part {
		if err := json.NewEncoder(os.Stderr).Encode(playShort(t)); err != nil {
			t.Fatal(err)
		}
		return
	}
	n := min(runtime.NumCPU(), *histories)
	type share struct {
		said bytes.Buffer
		err  error
	}
	shares := make(chan *share, n)
	for i := range n {
		from, to := *histories*i/n, *histories*(i+1)/n
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=2h",
			fmt.Sprintf("-first=%d", *first+from), fmt.Sprintf("-histories=%d", to-from))
		// Most of what a history makes is gone with it: there is little to collect, and looking for it costs a third of all.
		c.Env = append(os.Environ(), "CLOISTER_SIMULATION_PART=yes", "GOMAXPROCS=1", "GOGC=1000")
		go func() {
			s := &share{}
			c.Stdout, c.Stderr = &s.said, &s.said
			s.err = c.Run()
			shares <- s
		}()
	}
	done := map[string]int{}
	for range n {
		s := <-shares
		if s.err != nil {
			t.Fatalf("%v\n%s", s.err, s.said.String())
		}
		for line := range strings.Lines(s.said.String()) {
			counts := map[string]int{}
			if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &counts) == nil {
				for what, n := range counts {
					done[what] += n
				}
			}
		}
	}
	t.Logf("played the %d histories of the seeds from %d on: %v", *histories, *first, done)
	if *histories < 1000 {
		return
	}
	for _, what := range append(kinds(), faults...) {
		if done[what] < *histories/100 {
			t.Errorf("%q happened %d times in %d histories", what, done[what], *histories)
		}
	}
}

// playShort plays the short histories of this process, and counts what happened in them.
func playShort(t *testing.T) map[string]int {
	all, done := rapid.Custom(brief.draw), map[string]int{}
	for seed := *first; seed < *first+*histories; seed++ {
		h := all.Example(seed)
		for _, a := range h.script {
			done[a.what]++
		}
		var err error
		synctest.Test(t, func(t *testing.T) { err = simulate(t, h) })
		if err != nil {
			t.Fatalf("play it again with -run %s -first=%d -histories=1: %v\n\tsizes %v\n\tscript %v", t.Name(), seed, err, h.sizes, h.script)
		}
	}
	return done
}
