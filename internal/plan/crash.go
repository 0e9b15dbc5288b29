package plan

import (
	"time"

	"github.com/cloister-dev/cloister"
)

// The restart policy (heroku-behaviours 3.3): the first crash restarts at once, the next ones wait 10, 20, 40…
// minutes, at most a day. A dyno that lived longer than a short life starts the count anew.
const (
	shortLife  = 10 * time.Minute
	firstPause = 10 * time.Minute
	longPause  = 24 * time.Hour
	longLived  = -1 // Crashes of a dyno that crashed after a long life: the count begins after it
)

// comeback is when a crashed dyno is to be replaced, and how many crashes in a row its successor has before it.
func comeback(d cloister.Dyno) (due time.Time, crashes int) {
	crashes = d.Crashes + 1
	return d.EndedAt.Add(pause(crashes)), crashes
}

// pause is how long a slot waits after the nth crash in a row.
func pause(n int) time.Duration {
	p := firstPause
	for range n - 2 {
		if p *= 2; p >= longPause {
			return longPause
		}
	}
	if n < 2 {
		return 0
	}
	return p
}
