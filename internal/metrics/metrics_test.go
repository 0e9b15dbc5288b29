package metrics_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/metrics"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// A house has a space cellar with an app hello, of which web.1 runs, and one-off dynos start.
type house struct {
	store  *store.Store
	engine *fake.Engine
	all    *metrics.Metrics
	app    cloister.App
}

func newHouse(t *testing.T) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &house{store: s, engine: fake.New(fake.Config{Behave: func(engine.Workload) fake.Behaviour {
		return fake.Behaviour{Usage: engine.Usage{RSS: 20 << 20, PIDs: 3}}
	}})}
	h.all = metrics.New(s, h.engine, func() ([]metrics.Process, error) {
		return []metrics.Process{{Name: "router", RSS: 30 << 20, CPU: 2500 * time.Millisecond, Started: time.UnixMilli(1_700_000_000_500), Threads: 9}}, nil
	}, log)
	if err := s.Update(t.Context(), h.seed); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) seed(tx *store.Tx) error {
	team := cloister.Team{ID: cloister.NewID(), Name: "acme", CreatedAt: tx.Now, UpdatedAt: tx.Now}
	space := cloister.Space{ID: cloister.NewID(), Name: "cellar", TeamID: team.ID, Region: "tokyo", CIDR: cloister.DefaultCIDR,
		DataCIDR: cloister.DefaultDataCIDR, State: cloister.Allocated, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	h.app = cloister.App{ID: cloister.NewID(), Name: "hello", SpaceID: space.ID, TeamID: team.ID, Label: cloister.NewLabel(), CreatedAt: tx.Now, UpdatedAt: tx.Now}
	release := cloister.Release{ID: cloister.NewID(), AppID: h.app.ID, Version: 1, Status: cloister.ReleaseSucceeded, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	dyno := cloister.Dyno{ID: cloister.NewID(), AppID: h.app.ID, SpaceID: space.ID, Type: "web", Number: 1, ReleaseID: release.ID, Version: 1, Size: "Private-S",
		Command: "serve", State: cloister.DynoUp, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	err := errors.Join(tx.InsertTeam(team), tx.InsertSpace(space), tx.InsertApp(h.app), tx.InsertRelease(release), tx.PutDyno(dyno),
		tx.PutProcessType(cloister.ProcessType{ID: cloister.NewID(), AppID: h.app.ID, Type: "web", Command: "serve", Quantity: 2, Size: "Private-S", CreatedAt: tx.Now, UpdatedAt: tx.Now}),
		tx.Touch("app", h.app.ID), tx.ObserveZone("a", true))
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := h.engine.EnsureSpace(ctx, engine.Space{ID: space.ID, Dynos: space.CIDR, Data: space.DataCIDR}); err != nil {
		return err
	}
	return h.engine.Start(ctx, engine.Workload{ID: dyno.ID, Owner: h.app.ID, Space: space.ID, Subnet: engine.Dynos, Image: "sha256:a", Command: []string{"serve"}, Size: engine.Size{Memory: 1 << 30}})
}

// ask is what Prometheus gets.
func (h *house) ask() string {
	w := httptest.NewRecorder()
	h.all.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestMetricsTellOfEverything(t *testing.T) {
	h := newHouse(t)
	for range 3 {
		h.all.Request(h.app.ID, plan.ParseRequest(`at=info method=GET path="/" dyno=web.1 connect=0ms service=18ms status=200 bytes=1`))
	}
	h.all.Request(h.app.ID, plan.ParseRequest(`at=error code=H12 desc="Request timeout" method=GET path="/" service=30000ms status=503`))
	h.all.Request(h.app.ID, plan.ParseRequest(`at=error code=H14 desc="No web processes running" method=GET path="/" service= status=503`))
	h.all.Request(h.app.ID, plan.ParseRequest(`at=info method=GET path="/ws" service=900000ms status=101 bytes=1`))
	h.all.Request(cloister.NewID(), plan.ParseRequest(`at=info method=GET path="/" service=18ms status=200`)) // of an app that is gone
	got := h.ask()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(got, "cloister_dyno_memory_bytes{") && time.Now().Before(deadline); got = h.ask() {
	} // the fake takes its time to start a dyno
	for _, want := range []string{
		`cloister_up{part="engine"} 1`, `cloister_up{part="store"} 1`,
		`cloister_process_resident_memory_bytes{process="router"} 3.145728e+07`, `cloister_process_cpu_seconds_total{process="router"} 2.5`,
		`cloister_process_start_time_seconds{process="router"} 1.7000000005e+09`, `cloister_process_threads{process="router"} 9`,
		`cloister_zone_works{zone="a"} 1`,
		`cloister_space_info{region="tokyo",space="cellar",state="allocated",team="acme"} 1`,
		`cloister_dynos_wanted{app="hello",space="cellar",type="web"} 2`,
		`cloister_dynos{app="hello",space="cellar",state="up",type="web"} 1`,
		`cloister_dyno_memory_bytes{app="hello",dyno="web.1",space="cellar"} 2.097152e+07`,
		`cloister_dyno_memory_limit_bytes{app="hello",dyno="web.1",space="cellar"} 1.073741824e+09`,
		`cloister_dyno_threads{app="hello",dyno="web.1",space="cellar"} 3`,
		`cloister_work{kind="app",state="now"} 1`,
		`cloister_requests_total{app="hello",space="cellar",status="2xx"} 3`,
		`cloister_requests_total{app="hello",space="cellar",status="5xx"} 2`,
		`cloister_requests_total{app="hello",space="cellar",status="1xx"} 1`,
		`cloister_router_errors_total{app="hello",code="H12",space="cellar"} 1`,
		`cloister_router_errors_total{app="hello",code="H14",space="cellar"} 1`,
		`cloister_request_seconds_bucket{app="hello",space="cellar",le="0.01"} 0`,
		`cloister_request_seconds_bucket{app="hello",space="cellar",le="0.025"} 3`,
		`cloister_request_seconds_bucket{app="hello",space="cellar",le="30"} 4`,
		`cloister_request_seconds_count{app="hello",space="cellar"} 4`,
		`cloister_request_seconds_sum{app="hello",space="cellar"} 30.054`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("%s is not there", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(h.all)
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("Prometheus complains: %v %v", problems, err)
	}
}

func TestWhatDoesNotAnswerIsToldAsDown(t *testing.T) {
	h := newHouse(t)
	h.engine.Break(errors.New("away"))
	if got := h.ask(); !strings.Contains(got, `cloister_up{part="engine"} 0`) || !strings.Contains(got, `cloister_dynos_wanted{app="hello"`) {
		t.Errorf("without an engine: %s", got)
	}
	h.engine.Break(nil)
	h.store.Close()
	if got := h.ask(); !strings.Contains(got, `cloister_up{part="store"} 0`) || !strings.Contains(got, `cloister_up{part="engine"} 1`) {
		t.Errorf("without a store: %s", got)
	}
}

func TestAnAppThatIsGoneIsForgotten(t *testing.T) {
	h := newHouse(t)
	h.all.Request(h.app.ID, plan.ParseRequest(`at=info method=GET path="/" service=18ms status=200`))
	if got := h.ask(); !strings.Contains(got, `cloister_requests_total{app="hello"`) {
		t.Errorf("at first: %s", got)
	}
	if err := h.store.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteApp(h.app.ID) }); err != nil {
		t.Fatal(err)
	}
	if got := h.ask(); strings.Contains(got, "cloister_requests_total{") {
		t.Errorf("after the app is gone: %s", got)
	}
}
