package plan

import (
	"slices"

	"github.com/cloister-dev/cloister"
)

// A slot is a place in a process type, such as web.1. It has one dyno, or none for the moment; or two, while the
// newer one boots beside the one it will replace.
type slot struct {
	number int
	dyno   *row // the newest
	old    *row // an older one that is up
}

func (s slot) up() bool { return s.old != nil || s.dyno != nil && s.dyno.State == cloister.DynoUp }

// budget is how many slots out of n may be down because of us.
func (f *formation) budget(n int) int {
	if f.Preboot {
		return n / 4
	}
	return max(1, n/4)
}

// roll brings the slots of a process type nearer to the current release.
//
// Whatever is down is filled at once. A dyno that is up, but not current, is taken down only while fewer slots than
// the budget are down; a replacement counts as down until it is up. Where that never allows it, one replacement at a
// time boots beside the dyno it replaces.
func (f *formation) roll(t cloister.ProcessType) {
	stuck := f.stuck(t)
	slots := f.slots(t)
	f.zones.count(slots)
	down, starting, pairs := 0, 0, 0
	for i := range slots {
		s := &slots[i]
		f.fill(s, t)
		if !s.up() {
			down++
			if s.dyno == nil || s.dyno.State == cloister.DynoStarting {
				starting++
			}
		}
		if s.old != nil {
			pairs++
		}
	}
	moved := f.misplaced(t, slots, down+pairs)
	for i := range slots {
		s := &slots[i]
		if s.dyno == nil || s.dyno.State != cloister.DynoUp || f.current(s.dyno, t) && s.dyno != moved {
			continue
		}
		switch {
		case stuck || !f.zones.any():
		case down < f.budget(t.Quantity):
			f.replace(s, t, 0)
			down++
			starting++
		case f.Preboot && pairs == 0 && starting == 0:
			f.preboot(s, t)
			pairs++
		}
	}
}

// slots sorts the dynos of a type into its slots, and retires those that have no place there.
func (f *formation) slots(t cloister.ProcessType) []slot {
	slots := make([]slot, max(0, t.Quantity))
	for i := range slots {
		slots[i].number = i + 1
	}
	for _, r := range f.rows { // oldest first
		if r.Type != t.Type || r.Retired() {
			continue
		}
		if r.Number < 1 || r.Number > t.Quantity {
			f.leave(r)
			continue
		}
		s := &slots[r.Number-1]
		switch {
		case s.dyno == nil:
		case r.State == cloister.DynoUp:
			f.supersede(s.old)
			f.supersede(s.dyno)
			s.old = nil
		case s.dyno.State == cloister.DynoUp:
			f.supersede(s.old)
			s.old = s.dyno
		default:
			f.supersede(s.dyno)
		}
		s.dyno = r
	}
	return slots
}

// leave retires a dyno whose slot is gone.
func (f *formation) leave(r *row) {
	if r.State == cloister.DynoUp || r.State == cloister.DynoStarting {
		f.say(r.Dyno, f.now, "State changed from "+string(r.State)+" to down")
	}
	f.retire(r)
}

// supersede retires a dyno that a newer one has replaced.
func (f *formation) supersede(r *row) {
	if r != nil {
		f.retire(r)
	}
}

// fill puts a dyno of the current release into a slot that is empty, or whose dyno is down and should not stay so.
func (f *formation) fill(s *slot, t cloister.ProcessType) {
	d := s.dyno
	switch {
	case d != nil && d.State == cloister.DynoUp:
	case !f.zones.any():
		f.again(nowhere)
	case d == nil:
		s.dyno = f.create(s.number, t, 0)
	case !f.current(d, t):
		f.replace(s, t, 0)
	case d.State == cloister.DynoCrashed:
		due, crashes := comeback(d.Dyno)
		if left := due.Sub(f.now); left > 0 {
			f.again(left)
			return
		}
		f.replace(s, t, crashes)
	}
}

// replace retires a slot's dyno and starts its successor at the same moment.
func (f *formation) replace(s *slot, t cloister.ProcessType, crashes int) {
	old := s.dyno
	if old.State == cloister.DynoUp {
		f.say(old.Dyno, f.now, f.restarting(old))
	}
	if old.State != cloister.DynoStarting {
		f.say(old.Dyno, f.now, "State changed from "+string(old.State)+" to starting")
	}
	f.zones.leave(old.Zone)
	f.retire(old)
	s.dyno = f.create(s.number, t, crashes)
}

// preboot starts a successor, and leaves the slot's dyno in place until it is up.
func (f *formation) preboot(s *slot, t cloister.ProcessType) {
	f.say(s.dyno.Dyno, f.now, f.restarting(s.dyno))
	f.zones.leave(s.dyno.Zone)
	s.old = s.dyno
	s.dyno = f.create(s.number, t, 0)
}

// restarting is what a dyno that is up hears of its replacement.
func (f *formation) restarting(r *row) string {
	if f.aged(r) {
		return "Cycling"
	}
	return "Restarting"
}

// create makes the row of a new dyno.
func (f *formation) create(number int, t cloister.ProcessType, crashes int) *row {
	r := &row{unstarted: true, Dyno: cloister.Dyno{ID: f.NewID(), AppID: f.App.ID, SpaceID: f.App.SpaceID, Type: t.Type, Number: number,
		ReleaseID: f.Release.ID, Version: f.Release.Version, Size: t.Size, Command: t.Command,
		Zone: f.zones.take(f.App.ID, t.Type), State: cloister.DynoStarting, Crashes: crashes, CreatedAt: f.now}}
	f.say(r.Dyno, f.now, "Starting process with command `"+t.Command+"`")
	f.rows = append(f.rows, r)
	f.again(glance)
	return r
}

// misplaced is the dyno to move, as if it were not current, when nothing else is going on and one zone has at least
// two more than another: a zone that was lost is back.
func (f *formation) misplaced(t cloister.ProcessType, slots []slot, busy int) *row {
	if busy > 0 || slices.ContainsFunc(slots, func(s slot) bool { return !f.current(s.dyno, t) }) {
		return nil
	}
	full, ok := f.zones.uneven()
	if !ok {
		return nil
	}
	for _, s := range slices.Backward(slots) {
		if s.dyno.Zone == full {
			return s.dyno
		}
	}
	return nil
}
