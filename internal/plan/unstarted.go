package plan

import (
	"time"

	"github.com/cloister-dev/cloister"
)

// noStatus is the exit status of a dyno that never ran: what a shell says of a command it cannot execute.
const noStatus = 126

// patience is how long an engine may be away before those who wait for a dyno read of it.
const patience = time.Minute

// Unstarted is what becomes of a dyno that the engine did not start, and what its owner reads of it. One whose slug is
// damaged has crashed (R17): no other try mends it. Any other is tried again; R99 says so when it is not only that the
// engine is away for a moment, and is not to be said twice.
func Unstarted(d cloister.Dyno, why error, now time.Time) (cloister.Dyno, []Line) {
	say := func(text string) Line { return Line{At: now, Proc: d.Name(), Text: text} }
	switch kind := cloister.KindOf(why); {
	case kind == cloister.Corrupt:
		lines := []Line{say("Error R17 (Checksum error) -> " + cloister.MessageOf(why)), say("State changed from " + string(d.State) + " to crashed")}
		d.State, d.EndedAt, d.Exit = cloister.DynoCrashed, now, noStatus
		return d, lines
	case kind != cloister.Unavailable || now.Sub(d.CreatedAt) > patience:
		return d, []Line{say("Error R99 (Platform error) -> The dyno could not be started yet: " + cloister.MessageOf(why))}
	}
	return d, nil
}
