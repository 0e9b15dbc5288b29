package server

import (
	"context"
	"runtime/debug"
	"time"
)

// giveBack returns memory to the machine that was needed for a moment only: hashing a password takes 64 MiB, a build
// or an image some more. Left to itself the runtime keeps it for minutes, on a machine that dynos have better use for.
// A collection of our small heaps costs some milliseconds.
func giveBack(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			debug.FreeOSMemory()
		}
	}
}
