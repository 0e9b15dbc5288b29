package fake_test

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/enginetest"
	"github.com/cloister-dev/cloister/internal/engine/fake"
)

func TestFakeKeepsTheContract(t *testing.T) {
	enginetest.Run(t, func(*testing.T) enginetest.Setup {
		return enginetest.Setup{Engine: fake.New(fake.Config{}), Image: "sha256:fake", Commands: enginetest.FakeWords()}
	})
}

func TestFakeWithSocketsKeepsTheContract(t *testing.T) {
	serve := func(engine.Workload) http.Handler { return http.NotFoundHandler() }
	enginetest.Run(t, func(*testing.T) enginetest.Setup {
		return enginetest.Setup{Engine: fake.New(fake.Config{Serve: serve}), Image: "sha256:fake", Commands: enginetest.FakeWords()}
	})
}

var tiny = engine.Space{ID: "space", Dynos: cloister.DefaultCIDR, Data: cloister.DefaultDataCIDR}

// only is the status of the only workload there is.
func only(t *testing.T, e *fake.Engine) engine.Status {
	t.Helper()
	list, err := e.List(t.Context(), "")
	if err != nil || len(list) != 1 {
		t.Fatalf("list: %v, %v", list, err)
	}
	return list[0]
}

func TestDelaysAreKeptInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := fake.New(fake.Config{Behave: func(engine.Workload) fake.Behaviour {
			return fake.Behaviour{Start: 2 * time.Second, Listen: 3 * time.Second, Ends: true, After: time.Hour, Status: 5}
		}})
		must(t, e.EnsureSpace(t.Context(), tiny))
		must(t, e.Start(t.Context(), engine.Workload{ID: "w", Space: "space", Port: 5000}))
		for _, step := range []struct {
			wait   time.Duration
			phase  engine.Phase
			listen bool
		}{
			{0, engine.Starting, false}, {2 * time.Second, engine.Running, false}, {3 * time.Second, engine.Running, true},
			{time.Hour - 3*time.Second, engine.Exited, false},
		} {
			time.Sleep(step.wait)
			synctest.Wait()
			if s := only(t, e); s.Phase != step.phase || s.Listening != step.listen {
				t.Fatalf("after %v more: %+v", step.wait, s)
			}
		}
		if s := only(t, e); s.ExitStatus != 5 || s.ExitedAt.Sub(s.StartedAt) != time.Hour {
			t.Errorf("%+v", s)
		}
	})
}

func TestAFailedZoneTakesItsWorkloadsWithIt(t *testing.T) {
	e := fake.New(fake.Config{})
	must(t, e.EnsureSpace(t.Context(), tiny))
	for _, zone := range []string{"a", "b"} {
		must(t, e.Start(t.Context(), engine.Workload{ID: zone, Space: "space", Zone: zone}))
	}
	e.FailZone("a")
	if s := only(t, e); s.Zone != "b" {
		t.Errorf("what is left is %+v", s)
	}
	again := engine.Workload{ID: "again", Space: "space", Zone: "a"}
	if err := e.Start(t.Context(), again); cloister.KindOf(err) != cloister.Unavailable {
		t.Errorf("start in a failed zone: %v", err)
	}
	e.HealZone("a")
	must(t, e.Start(t.Context(), again))
}

func TestABrokenEngineRefusesEverything(t *testing.T) {
	e := fake.New(fake.Config{})
	must(t, e.EnsureSpace(t.Context(), tiny))
	must(t, e.Start(t.Context(), engine.Workload{ID: "w", Space: "space"}))
	e.Break(cloister.Errorf(cloister.Unavailable, "down"))
	_, err := e.List(t.Context(), "")
	for _, err := range []error{err, e.EnsureSpace(t.Context(), tiny), e.Stop(t.Context(), "w", 0), e.Drop(t.Context(), "w"),
		e.Start(t.Context(), engine.Workload{ID: "v", Space: "space"})} {
		if cloister.KindOf(err) != cloister.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	e.Break(nil)
	if s := only(t, e); s.Phase != engine.Running {
		t.Errorf("what ran is %+v", s)
	}
}

func TestLostEventsAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		e := fake.New(fake.Config{})
		must(t, e.EnsureSpace(ctx, tiny))
		hints := e.Events(ctx)
		e.LoseEvents(true)
		must(t, e.Start(ctx, engine.Workload{ID: "quiet", Space: "space"}))
		e.LoseEvents(false)
		must(t, e.Start(ctx, engine.Workload{ID: "heard", Space: "space"}))
		if got := <-hints; got.ID != "heard" {
			t.Errorf("got a hint about %s", got.ID)
		}
		cancel()
	})
}

func TestNoTwoWorkloadsShareAnAddressInALargeSpace(t *testing.T) {
	e := fake.New(fake.Config{})
	must(t, e.EnsureSpace(t.Context(), tiny))
	seen := map[netip.Addr]bool{}
	for i := range 6000 {
		must(t, e.Start(t.Context(), engine.Workload{ID: strconv.Itoa(i), Space: "space", Subnet: engine.Dynos}))
	}
	list, _ := e.List(t.Context(), "")
	for _, s := range list {
		if seen[s.Address] || !tiny.Dynos.Contains(s.Address) {
			t.Fatalf("%s is taken twice or outside %s", s.Address, tiny.Dynos)
		}
		seen[s.Address] = true
	}
}

func TestAServedWorkloadAnswersAtItsEndpoint(t *testing.T) {
	e := fake.New(fake.Config{Serve: func(w engine.Workload) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "I am "+w.ID) })
	}})
	must(t, e.EnsureSpace(t.Context(), tiny))
	must(t, e.Start(t.Context(), engine.Workload{ID: "w", Space: "space", Port: 5000}))
	url := "http://" + only(t, e).Endpoint.String()
	res, err := http.Get(url)
	must(t, err)
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); string(b) != "I am w" {
		t.Errorf("got %q", b)
	}
	must(t, e.Drop(t.Context(), "w"))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if _, err := client.Get(url); err == nil {
		t.Error("it still answers after it was dropped")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
