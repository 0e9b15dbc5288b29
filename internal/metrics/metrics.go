// Package metrics tells Prometheus what the installation is made of and what it does: processes, zones, spaces, apps,
// dynos, requests and work. What is a count it keeps in memory, from the start of the process on; all else it reads when
// it is asked. It changes nothing, and has no say in who may ask.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// A Process is one of the server's own.
type Process struct {
	Name    string // "control", "node", "router"
	RSS     int64  // bytes
	CPU     time.Duration
	Started time.Time
	Threads int
}

// Metrics are collected whenever they are asked for.
type Metrics struct {
	store     *store.Store
	engine    engine.Engine
	processes func() ([]Process, error)
	requests  *requests
	log       *slog.Logger
}

// New returns metrics of what is in a store and runs on an engine. processes looks at the server's own.
func New(s *store.Store, e engine.Engine, processes func() ([]Process, error), log *slog.Logger) *Metrics {
	return &Metrics{store: s, engine: e, processes: processes, requests: newRequests(), log: log}
}

// Request counts a request.
func (m *Metrics) Request(appID string, r plan.Request) { m.requests.add(appID, r) }

// Handler answers in the formats that Prometheus understands. Whoever asks may see everything.
func (m *Metrics) Handler() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(m)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, ErrorLog: complaints{m.log}})
}

// complaints are what goes wrong while an answer is written.
type complaints struct{ log *slog.Logger }

func (c complaints) Println(v ...any) { c.log.Warn("metrics are not complete", "cause", v) }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("cloister_"+name, help, labels, nil)
}

var (
	up             = desc("up", "Whether a part of the server answers: store, engine.", "part")
	processRSS     = desc("process_resident_memory_bytes", "Memory of the server's own processes.", "process")
	processCPU     = desc("process_cpu_seconds_total", "Processor time of the server's own processes.", "process")
	processStarted = desc("process_start_time_seconds", "When a process of the server started.", "process")
	processThreads = desc("process_threads", "Threads of the server's own processes.", "process")
	zoneWorks      = desc("zone_works", "Whether dynos may run in a zone: it is healthy, and nobody has declared it failed.", "zone")
	spaces         = desc("space_info", "1 for each space.", "space", "team", "region", "state")
	wanted         = desc("dynos_wanted", "Dynos of a process type that its owner wants.", "space", "app", "type")
	dynos          = desc("dynos", "Dynos of a process type.", "space", "app", "type", "state")
	dynoMemory     = desc("dyno_memory_bytes", "Memory of a dyno's processes.", "space", "app", "dyno")
	dynoLimit      = desc("dyno_memory_limit_bytes", "Memory that a dyno may use.", "space", "app", "dyno")
	dynoCPU        = desc("dyno_cpu_seconds_total", "Processor time of a dyno.", "space", "app", "dyno")
	dynoThreads    = desc("dyno_threads", "Processes and threads of a dyno.", "space", "app", "dyno")
	work           = desc("work", "Objects that need looking at: now, later, or again since looking failed.", "kind", "state")
	workLate       = desc("work_late_seconds", "How long the object that waits longest is due.")
	requestsTotal  = desc("requests_total", "Requests, by the class of their status.", "space", "app", "status")
	requestSeconds = desc("request_seconds", "How long dynos took to answer.", "space", "app")
	errorsTotal    = desc("router_errors_total", "Errors of the router, by Heroku's codes.", "space", "app", "code")
)

// Describe is for a registry.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{up, processRSS, processCPU, processStarted, processThreads, zoneWorks, spaces, wanted, dynos,
		dynoMemory, dynoLimit, dynoCPU, dynoThreads, work, workLate, requestsTotal, requestSeconds, errorsTotal} {
		ch <- d
	}
}

const patience = 5 * time.Second

// Collect looks at everything once. What does not answer is told as down, and the rest all the same.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	if all, err := m.processes(); err == nil {
		for _, p := range all {
			gauge(processRSS, float64(p.RSS), p.Name)
			counter(processCPU, p.CPU.Seconds(), p.Name)
			gauge(processStarted, float64(p.Started.UnixMilli())/1000, p.Name)
			gauge(processThreads, float64(p.Threads), p.Name)
		}
	} else {
		m.log.Warn("the server's own processes are not measured", "err", err)
	}
	rows, err := m.read(ctx)
	gauge(up, truth(err == nil), "store")
	if err == nil {
		rows.tell(gauge)
		m.requests.tell(rows, ch)
	}
	used, err := m.engine.Usage(ctx, "")
	gauge(up, truth(err == nil), "engine")
	for _, u := range used {
		labels, known := rows.labels(u)
		if !known {
			continue // a build, or a dyno whose row is gone already
		}
		gauge(dynoMemory, float64(u.RSS), labels...)
		gauge(dynoLimit, float64(u.Limit), labels...)
		counter(dynoCPU, u.CPU.Seconds(), labels...)
		gauge(dynoThreads, float64(u.PIDs), labels...)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// rows are what the store knows, at one moment.
type rows struct {
	now    time.Time
	zones  []cloister.Zone
	spaces []cloister.Space
	teams  map[string]string // names by id
	names  map[string]string // of spaces
	apps   map[string]cloister.App
	types  []cloister.ProcessType
	dynos  map[string]cloister.Dyno // one-off dynos too
	work   []store.Work
}

func (m *Metrics) read(ctx context.Context) (r rows, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		r = rows{now: tx.Now, teams: map[string]string{}, names: map[string]string{}, apps: map[string]cloister.App{}, dynos: map[string]cloister.Dyno{}}
		if r.zones, err = tx.Zones(); err != nil {
			return err
		}
		if r.spaces, err = tx.Spaces(); err != nil {
			return err
		}
		for _, s := range r.spaces {
			r.names[s.ID] = s.Name
		}
		teams, err := tx.Teams()
		if err != nil {
			return err
		}
		for _, t := range teams {
			r.teams[t.ID] = t.Name
		}
		apps, err := tx.Apps(store.AppFilter{})
		if err != nil {
			return err
		}
		for _, a := range apps {
			r.apps[a.ID] = a
		}
		if r.types, err = tx.AllProcessTypes(); err != nil {
			return err
		}
		dynos, err := tx.AllDynos()
		if err != nil {
			return err
		}
		for _, d := range dynos {
			r.dynos[d.ID] = d
		}
		runs, err := tx.AllRuns()
		if err != nil {
			return err
		}
		for _, d := range runs {
			r.dynos[d.ID] = d.Dyno
		}
		r.work, err = tx.Work()
		return err
	})
	return r, err
}

// labels are the space, app and dyno of what somebody uses.
func (r rows) labels(u engine.Usage) ([]string, bool) {
	d, ok := r.dynos[u.ID]
	return []string{r.names[d.SpaceID], r.apps[d.AppID].Name, d.Name()}, ok
}
