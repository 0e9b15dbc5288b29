package plan

import (
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A Slot is a part that an add-on inside a space is to have.
type Slot struct {
	Name  string
	Serve bool   // clients come to it
	Mark  string // what of it takes another run to change; it is the label MarkLabel of its workload
}

// MarkLabel is the label of an instance's workload that says what it was started as.
const MarkLabel = "mark"

// A Look is how an instance that runs is.
type Look struct {
	Ready bool
	Role  string
}

// DataState is all that the next step of an add-on inside a space is planned from.
type DataState struct {
	Addon     cloister.Addon
	Want      []Slot              // what it is to consist of; of one that ends, nothing
	Instances []cloister.Instance // by slot
	Seen      []engine.Status     // its workloads
	Looks     map[string]Look     // by slot, of those that could be looked at
	Zones     []Zone
	NewID     func() string
}

// A DataPlan is what to do, in this order: write the rows of Put, Stop, Drop, Start; and with Gone drop the volumes, and then
// the row of the add-on. Every part may be repeated.
type DataPlan struct {
	Instances []cloister.Instance // all there are then, by slot
	Put       []cloister.Instance
	Start     []cloister.Instance
	Stop      []Stop
	Drop      []string // workloads
	Ready     bool     // clients can come
	Gone      bool
	Again     time.Duration
}

const (
	dataGlance  = 250 * time.Millisecond // somebody waits for it
	dataWatch   = 3 * time.Second        // how soon another primary is seen that the engine knows nothing of
	dataGrace   = 30 * time.Second       // to end well
	lastRestart = time.Minute            // between two runs of what ends over and over
)

// Data plans the next step of an add-on inside a space. Each slot keeps its zone, since its volume is there, and has one run at
// a time; what ends is started again, at once if it was ready, else later and later.
func Data(s DataState, now time.Time) DataPlan {
	p := &data{DataState: s, now: now, zones: newZones(s.Zones), seen: map[string]engine.Status{}}
	for _, w := range s.Seen {
		p.seen[w.ID] = w
	}
	known := map[string]bool{}
	for _, i := range s.Instances {
		p.zones.dynos[i.Zone]++
		known[i.Workload] = true
	}
	for _, w := range s.Seen {
		if !known[w.ID] { // of a run that is over
			p.plan.Drop = append(p.plan.Drop, w.ID)
		}
	}
	if s.Addon.State == cloister.Deprovisioning {
		p.end()
		return p.plan
	}
	for _, slot := range s.Want {
		p.slot(slot)
	}
	p.serve()
	p.replace()
	p.again(dataWatch)
	return p.plan
}

// data is a plan in the making.
type data struct {
	DataState
	now   time.Time
	zones zones
	seen  map[string]engine.Status
	plan  DataPlan
	stale []cloister.Instance // that run as what they are no longer to be
	busy  bool                // something is not ready, or is being changed
}

func (p *data) slot(want Slot) {
	i := cloister.Instance{AddonID: p.Addon.ID, Slot: want.Name}
	if at := slices.IndexFunc(p.Instances, func(x cloister.Instance) bool { return x.Slot == want.Name }); at >= 0 {
		i = p.Instances[at]
	}
	was := i
	w, running := p.seen[i.Workload]
	switch {
	case i.Workload == "":
		p.begin(&i)
	case p.zones.lost(i.Zone): // it comes back with its zone
		i.Ready = false
	case !running && i.StartedAt.IsZero():
		p.plan.Start = append(p.plan.Start, i) // recorded, and not started yet
		p.again(dataGlance)
	case !running:
		p.over(&i, p.now)
	case w.Phase == engine.Exited:
		p.plan.Drop = append(p.plan.Drop, w.ID)
		p.over(&i, w.ExitedAt)
	default:
		p.look(&i, w, want)
	}
	p.busy = p.busy || !i.Ready
	p.plan.Instances = append(p.plan.Instances, i)
	if i != was {
		p.plan.Put = append(p.plan.Put, i)
	}
}

// begin gives an instance another run, unless it is too soon.
func (p *data) begin(i *cloister.Instance) {
	if i.Zone == "" && !p.zones.any() || p.zones.lost(i.Zone) && i.Zone != "" {
		p.again(nowhere)
		return
	}
	if wait := i.EndedAt.Add(rest(i.Failures)).Sub(p.now); !i.EndedAt.IsZero() && wait > 0 {
		p.again(wait)
		return
	}
	if i.Zone == "" {
		i.Zone = p.zones.take(p.Addon.ID, "")
	}
	i.Workload, i.StartedAt = p.NewID(), time.Time{}
	p.plan.Start = append(p.plan.Start, *i)
	p.again(dataGlance)
}

// rest is how long nothing runs after so many runs in a row that were never ready.
func rest(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(time.Second<<min(failures-1, 10), lastRestart)
}

// over notes the end of a run.
func (p *data) over(i *cloister.Instance, at time.Time) {
	if i.Ready || i.Role != "" {
		i.Failures = 0
	} else {
		i.Failures++
	}
	i.Workload, i.Role, i.Ready, i.EndedAt = "", "", false, at
	i.Address = cloister.Instance{}.Address
	p.begin(i)
}

// look takes in how a run is.
func (p *data) look(i *cloister.Instance, w engine.Status, want Slot) {
	i.Address = w.Address
	if i.StartedAt.IsZero() {
		i.StartedAt = w.StartedAt
	}
	if look, seen := p.Looks[i.Slot]; seen {
		i.Ready, i.Role = look.Ready, look.Role
	} else {
		i.Ready = false
	}
	if !i.Ready {
		p.again(dataGlance)
	}
	if w.Labels[MarkLabel] != want.Mark && i.StartedAt.Equal(w.StartedAt) {
		p.stale = append(p.stale, *i)
	}
}

// serve says whether clients can come: some instance that is for them is ready, and takes what they write.
func (p *data) serve() {
	p.plan.Ready = slices.ContainsFunc(p.plan.Instances, func(i cloister.Instance) bool {
		return i.Ready && i.Role != "standby" && slices.ContainsFunc(p.Want, func(s Slot) bool { return s.Name == i.Slot && s.Serve })
	})
}

// replace stops an instance that runs as what it is no longer to be: one at a time, while all others are ready, and the primary
// last of all.
func (p *data) replace() {
	if p.busy || len(p.stale) == 0 {
		return
	}
	slices.SortStableFunc(p.stale, func(a, b cloister.Instance) int { return rank(a) - rank(b) })
	p.plan.Stop = append(p.plan.Stop, Stop{ID: p.stale[0].Workload, Grace: dataGrace})
	p.again(dataGlance)
}

func rank(i cloister.Instance) int {
	if i.Role == "primary" {
		return 1
	}
	return 0
}

// end stops what runs of an add-on that is to be no more.
func (p *data) end() {
	for _, w := range p.Seen {
		if w.Phase == engine.Exited {
			if !slices.Contains(p.plan.Drop, w.ID) {
				p.plan.Drop = append(p.plan.Drop, w.ID)
			}
			continue
		}
		p.plan.Stop = append(p.plan.Stop, Stop{ID: w.ID, Grace: dataGrace})
		p.again(dataGlance)
	}
	p.plan.Instances = p.Instances
	p.plan.Gone = len(p.plan.Stop) == 0
}

func (p *data) again(d time.Duration) {
	d = max(d, time.Millisecond)
	if p.plan.Again == 0 || d < p.plan.Again {
		p.plan.Again = d
	}
}

// A SpaceAddon is an add-on inside a space with what runs of it.
type SpaceAddon struct {
	Addon     cloister.Addon
	Instances []cloister.Instance
}

// dataNames are the names of an add-on's instances that run, and its own, which leads to those that clients are to come to.
func dataNames(a SpaceAddon, add func(string, cloister.Instance)) {
	for _, i := range a.Instances {
		if !i.Address.IsValid() {
			continue
		}
		add(a.Addon.InstanceName(i.Slot), i)
		if i.Ready && i.Role == "primary" {
			add(a.Addon.LocalName(), i)
		}
	}
}
