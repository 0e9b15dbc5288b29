package plan

import (
	"fmt"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// observe brings a row up to date with what is seen of its workload.
func (f *formation) observe(r *row) {
	s, seen := f.seen[r.ID]
	if seen {
		r.Address, r.Endpoint = s.Address, s.Endpoint
	}
	switch {
	case !r.EndedAt.IsZero():
		f.ended(r, seen)
	case seen && s.Phase == engine.Exited:
		f.exited(r, s)
	case f.zones.lost(r.Zone), !seen && r.Address.IsValid():
		f.lost(r)
	case !seen && !r.Retired():
		r.unstarted = true // recorded, but never started: the server died in between, or the engine could not
		f.again(glance)
	case !seen || r.Retired():
	case s.Phase == engine.Running && r.State == cloister.DynoStarting:
		f.starting(r, s)
	case r.State == cloister.DynoStarting:
		f.again(glance)
	}
}

// starting sees whether a running workload is up, or has taken too long.
func (f *formation) starting(r *row, s engine.Status) {
	deadline := s.StartedAt.Add(f.App.Boots())
	switch {
	case !r.StopAt.IsZero(): // it was too slow; now it is being killed
		f.plan.Stop = append(f.plan.Stop, Stop{ID: r.ID})
		f.again(glance)
	case r.Type != web || s.Listening:
		r.State, r.UpAt = cloister.DynoUp, f.now
		f.say(r.Dyno, f.now, "State changed from starting to up")
	case f.now.Before(deadline):
		f.again(min(glance, deadline.Sub(f.now)))
	default:
		r.StopAt = f.now
		f.say(r.Dyno, f.now, fmt.Sprintf("Error R10 (Boot timeout) -> Web process failed to bind to $PORT within %d seconds of launch", int(f.App.Boots().Seconds())))
		f.say(r.Dyno, f.now, "Stopping process with SIGKILL")
		f.plan.Stop = append(f.plan.Stop, Stop{ID: r.ID})
		f.again(glance)
	}
}

// exited notes the end of a workload: what we asked for, or a crash, whatever its status.
func (f *formation) exited(r *row, s engine.Status) {
	r.EndedAt, r.Exit = s.ExitedAt, s.ExitStatus
	if r.Retired() {
		if killed := r.StopAt.Add(Grace); s.ExitStatus == 137 && !r.StopAt.IsZero() && !s.ExitedAt.Before(killed) {
			f.say(r.Dyno, killed, "Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM")
			f.say(r.Dyno, killed, "Stopping remaining processes with SIGKILL")
		}
		f.say(r.Dyno, s.ExitedAt, fmt.Sprintf("Process exited with status %d", s.ExitStatus))
		return
	}
	for _, line := range outOfMemory(r.Size, s) {
		f.say(r.Dyno, s.ExitedAt, line)
	}
	f.say(r.Dyno, s.ExitedAt, fmt.Sprintf("Process exited with status %d", s.ExitStatus))
	f.say(r.Dyno, s.ExitedAt, fmt.Sprintf("State changed from %s to crashed", r.State))
	r.State = cloister.DynoCrashed
	if lived := s.ExitedAt.Sub(s.StartedAt); lived > shortLife {
		r.Crashes = longLived
	}
}

// ended drops the workload of a dyno that waits in its crash, once its logs were read. Retired ones go another way.
func (f *formation) ended(r *row, seen bool) {
	if !seen || r.Retired() {
		return
	}
	if left := r.EndedAt.Add(linger).Sub(f.now); left > 0 {
		f.again(left)
		return
	}
	f.plan.Drop = append(f.plan.Drop, r.ID)
}

// lost retires a dyno whose workload vanished or whose zone is lost: it is down already, so it needs no leave to be replaced.
func (f *formation) lost(r *row) {
	r.lost = true
	if r.Retired() {
		return
	}
	f.say(r.Dyno, f.now, "Relocating dyno to a new server")
	f.retire(r)
}

// retire takes a dyno out of the routes for good.
func (f *formation) retire(r *row) {
	r.RetireAt = f.now
	if r.State != cloister.DynoCrashed {
		r.State = cloister.DynoDown
	}
}

// takeDown brings a retired dyno nearer to its end: it drains, is stopped, exits, and is forgotten.
func (f *formation) takeDown(r *row) {
	s, seen := f.seen[r.ID]
	switch {
	case !seen:
		f.plan.Delete = append(f.plan.Delete, r.ID)
	case r.lost:
		f.plan.Stop = append(f.plan.Stop, Stop{ID: r.ID}) // where a zone only counts as lost, it runs on
		f.forget(r)
	case !r.EndedAt.IsZero():
		if left := r.EndedAt.Add(linger).Sub(f.now); left > 0 {
			f.again(left)
			return
		}
		f.forget(r)
	case !r.StopAt.IsZero():
		f.stop(r)
	case f.draining(r, s) || f.lingering(r, s):
		f.again(r.RetireAt.Add(DrainLimit).Sub(f.now))
	default:
		r.StopAt = f.now
		f.say(r.Dyno, f.now, "Stopping all processes with SIGTERM")
		f.stop(r)
	}
}

// leaves reports whether a retired dyno may have to be left running for a moment, for those who still know it.
func (f *formation) leaves(r *row, s engine.Status) bool {
	return !r.UpAt.IsZero() && s.Phase == engine.Running && f.now.Before(r.RetireAt.Add(DrainLimit))
}

// draining reports whether a retired dyno may still have requests to answer. One that was taken out of the routes
// just now has not had the time to.
func (f *formation) draining(r *row, s engine.Status) bool {
	if r.Type != web || !f.leaves(r, s) || !r.was.RetireAt.IsZero() && (f.Drained == nil || f.Drained(r.Dyno)) {
		return false
	}
	f.again(drainGlance)
	return true
}

// lingering reports whether somebody in the space may still have a retired dyno's address from its name.
func (f *formation) lingering(r *row, s engine.Status) bool {
	if f.Unnamed == nil || !f.leaves(r, s) {
		return false
	}
	since := f.Unnamed(r.Dyno)
	if r.was.RetireAt.IsZero() || since.IsZero() {
		f.again(drainGlance)
		return true
	}
	left := since.Add(Farewell).Sub(f.now)
	if left > 0 {
		f.again(left)
	}
	return left > 0
}

// stop repeats, with what is left of the grace, what was recorded with StopAt.
func (f *formation) stop(r *row) {
	f.plan.Stop = append(f.plan.Stop, Stop{ID: r.ID, Grace: max(0, r.StopAt.Add(Grace).Sub(f.now))})
	f.again(glance)
}

func (f *formation) forget(r *row) {
	f.plan.Drop = append(f.plan.Drop, r.ID)
	f.plan.Delete = append(f.plan.Delete, r.ID)
}
