package simulation

import (
	"flag"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

var (
	histories = flag.Int("histories", 300, "how many short histories to play")
	first     = flag.Int("first", 1, "the seed of the first short history; each has the next")
)

// brief is a history of a small installation to which few things happen, one soon after another: most of what goes wrong is
// due to two or three of them that meet.
var brief = scale{apps: []string{"alpha"}, dynos: 4, actions: [2]int{3, 5}, first: 2 * time.Minute, pause: 12}

func TestTheServerKeepsItsPromisesInManyShortHistories(t *testing.T) {
	all := rapid.Custom(brief.draw)
	for seed := *first; seed < *first+*histories; seed++ {
		h := all.Example(seed)
		var err error
		synctest.Test(t, func(t *testing.T) { err = simulate(t, h) })
		if err != nil {
			t.Fatalf("play it again with -run %s -first=%d -histories=1: %v\n\tsizes %v\n\tscript %v", t.Name(), seed, err, h.sizes, h.script)
		}
	}
	t.Logf("played the %d histories of the seeds from %d on", *histories, *first)
}
