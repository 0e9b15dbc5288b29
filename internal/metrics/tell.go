package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// tell tells what there is.
func (r rows) tell(gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	for _, z := range r.zones {
		gauge(zoneWorks, truth(z.Works()), z.Name)
	}
	for _, s := range r.spaces {
		gauge(spaces, 1, s.Name, r.teams[s.TeamID], s.Region, string(s.State))
	}
	for _, t := range r.types {
		a := r.apps[t.AppID]
		gauge(wanted, float64(t.Quantity), r.names[a.SpaceID], a.Name, t.Type)
	}
	type group struct{ space, app, processType, state string }
	counts := map[group]int{}
	for _, d := range r.dynos {
		counts[group{r.names[d.SpaceID], r.apps[d.AppID].Name, d.Type, string(d.State)}]++
	}
	for g, n := range counts {
		gauge(dynos, float64(n), g.space, g.app, g.processType, g.state)
	}
	r.tellWork(gauge)
}

// tellWork tells how far behind the work loop is.
func (r rows) tellWork(gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	type group struct{ kind, state string }
	counts, late := map[group]int{}, 0.0
	for _, w := range r.work {
		state := "later"
		switch {
		case w.LastError != "":
			state = "failed"
		case !w.DueAt.After(r.now):
			state = "now"
		}
		counts[group{w.Kind, state}]++
		if state != "failed" {
			late = max(late, r.now.Sub(w.DueAt).Seconds())
		}
	}
	for g, n := range counts {
		gauge(work, float64(n), g.kind, g.state)
	}
	gauge(workLate, late)
}
