package plan

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// The numbers of the contract (heroku-behaviours 3.3).
const (
	Grace      = 30 * time.Second // from SIGTERM to SIGKILL (R12)
	DrainLimit = 30 * time.Second // how long a dyno without a route is given to answer the requests it has
)

// Farewell is how long a dyno is left running once no name tells its address any more: as long as an answer that was
// given before may be used, and a little.
const Farewell = cloister.NameTTL + 500*time.Millisecond

// How long until the next look when nothing but a hint would tell, and hints may be lost.
const (
	glance      = 2 * time.Second
	drainGlance = 250 * time.Millisecond
	linger      = 2 * time.Second // an exited workload is kept this long, so that its last words are read
	nowhere     = 10 * time.Second
)

// State is all that a formation is planned from.
type State struct {
	App     cloister.App
	Release cloister.Release       // the current one; without SlugID nothing should run
	Types   []cloister.ProcessType // the app's formation
	Dynos   []cloister.Dyno        // rows, in any order
	Seen    []engine.Status        // workloads of the app, in any order
	Zones   []Zone

	// Drained reports whether a retired web dyno has no request any more and will get none. nil: always.
	Drained func(cloister.Dyno) bool
	// Unnamed is since when the names of the space do not tell a retired dyno's address any more; zero: they may still
	// do. nil: they never did.
	Unnamed func(cloister.Dyno) time.Time
	// NewID makes the id of a new dyno.
	NewID func() string
	// Preboot lets a replacement start beside the dyno it replaces where stopping one first would take down more than
	// a quarter: in types of one, two or three dynos. Without it one dyno is stopped first, whatever the share.
	Preboot bool
	// Rollback has the plan tell when, and where, to go back from the current release.
	Rollback bool
	// Daily has each dyno replaced when it has been up for a day.
	Daily bool
}

// A Plan is what to do, in this order: write the rows of Put, say Log, Start, Stop and Drop, then Delete rows.
// Every part may be repeated; a plan that was cut in half is made again from what is then there.
type Plan struct {
	Put    []cloister.Dyno // new rows, and rows whose status has changed
	Start  []cloister.Dyno // workloads to start; their rows are written
	Stop   []Stop
	Drop   []string // ids of workloads
	Delete []string // ids of rows whose workload is gone
	Back   string   // id of the release to go back to, instead of all else
	Log    []Line
	Routed bool          // what the router should know has changed
	Again  time.Duration // look again after this; zero: only when touched
}

// Stop is a workload to stop, and how long it may take.
type Stop struct {
	ID    string
	Grace time.Duration
}

// Line is what the platform says in the app's log, as the dyno Proc.
type Line struct {
	At   time.Time
	Proc string // "web.1"
	Text string
}

// Formation plans the next steps towards an app's formation: dynos of the current release in every slot, spread over
// the zones, at most a quarter of a process type down at a time because of us.
func Formation(s State, now time.Time) Plan {
	f := &formation{State: s, now: now, seen: map[string]engine.Status{}, zones: newZones(s.Zones)}
	for _, st := range s.Seen {
		f.seen[st.ID] = st
	}
	for _, d := range s.Dynos {
		f.rows = append(f.rows, &row{Dyno: d, was: d})
	}
	slices.SortFunc(f.rows, func(a, b *row) int { return byAge(a.Dyno, b.Dyno) })
	for _, r := range f.rows {
		f.observe(r)
	}
	for _, t := range f.types() {
		f.roll(t)
	}
	for _, r := range f.rows {
		if r.Retired() {
			f.takeDown(r)
		}
	}
	f.orphans()
	return f.finish()
}

// formation is a plan in the making.
type formation struct {
	State
	now   time.Time
	seen  map[string]engine.Status
	rows  []*row
	zones zones
	plan  Plan
}

// A row is a dyno, as it was and as it becomes.
type row struct {
	cloister.Dyno
	was       cloister.Dyno
	lost      bool // its workload or its zone is gone
	unstarted bool // its workload is to be started
}

// current reports whether the dyno is what its process type wants today.
func (f *formation) current(r *row, t cloister.ProcessType) bool {
	return r.ReleaseID == f.Release.ID && r.Size == t.Size && r.Command == t.Command && !r.Restart && !f.aged(r)
}

// With daily restarts a dyno lives for a day and up to 216 minutes, by its id: not all restart at once.
const (
	day    = 24 * time.Hour
	spread = 216
)

// aged reports whether a dyno has been up for long enough.
func (f *formation) aged(r *row) bool {
	if !f.Daily || r.State != cloister.DynoUp {
		return false
	}
	left := r.UpAt.Add(day + time.Duration(hash(r.ID)%spread)*time.Minute).Sub(f.now)
	if left > 0 {
		f.again(left)
	}
	return left <= 0
}

// types are the process types that have dynos or should have, by name; those that should have none have quantity 0.
func (f *formation) types() []cloister.ProcessType {
	all := map[string]cloister.ProcessType{}
	for _, r := range f.rows {
		all[r.Type] = cloister.ProcessType{Type: r.Type}
	}
	for _, t := range f.Types {
		if f.Release.SlugID == "" || t.Type == cloister.ReleaseType {
			t.Quantity = 0
		}
		all[t.Type] = t
	}
	return slices.SortedFunc(maps.Values(all), func(a, b cloister.ProcessType) int { return cmp.Compare(a.Type, b.Type) })
}

// orphans drops workloads that no row knows: left over from an app that was destroyed, or from a start that was
// overtaken.
func (f *formation) orphans() {
	known := map[string]bool{}
	for _, r := range f.rows {
		known[r.ID] = true
	}
	for _, id := range slices.Sorted(maps.Keys(f.seen)) {
		if !known[id] {
			f.plan.Drop = append(f.plan.Drop, id)
		}
	}
}

// finish collects the rows that changed, and those to start: never one that was replaced meanwhile.
func (f *formation) finish() Plan {
	for _, r := range f.rows {
		if r.unstarted && !r.Retired() && r.ReleaseID == f.Release.ID {
			f.plan.Start = append(f.plan.Start, r.Dyno)
		}
		if r.Dyno != r.was {
			r.UpdatedAt = f.now
			f.plan.Put = append(f.plan.Put, r.Dyno)
			f.plan.Routed = f.plan.Routed || r.Type == web
		}
	}
	slices.SortFunc(f.plan.Put, byAge)
	slices.SortFunc(f.plan.Start, byAge)
	slices.SortFunc(f.plan.Stop, func(a, b Stop) int { return cmp.Compare(a.ID, b.ID) })
	slices.Sort(f.plan.Drop)
	slices.Sort(f.plan.Delete)
	return f.plan
}

// say adds a line to the app's log.
func (f *formation) say(d cloister.Dyno, at time.Time, text string) {
	f.plan.Log = append(f.plan.Log, Line{At: at, Proc: d.Name(), Text: text})
}

// again asks for another look after d at the latest.
func (f *formation) again(d time.Duration) {
	d = max(d, time.Millisecond)
	if f.plan.Again == 0 || d < f.plan.Again {
		f.plan.Again = d
	}
}

// byAge is the order of rows everywhere: by type, number, age and id.
func byAge(a, b cloister.Dyno) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Number, b.Number), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

const web = "web"
