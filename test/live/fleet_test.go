package live

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// fleetSize is how many apps release at once: 40, or as CLOISTER_FLEET says; 200 take four minutes on two cores.
func fleetSize(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CLOISTER_FLEET")
	if text == "" {
		return 40
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CLOISTER_FLEET is %q", text)
	}
	return n
}

// A fleet is many apps that run the same code, which is promoted to all of them at once.
type fleet struct {
	*world
	space    string
	pipeline string
	source   string
	apps     []heroku.App
}

// newFleet makes n apps beside another one, whose code they run, and waits until each has a dyno.
func (w *world) newFleet(t *testing.T, space, source string, n int) *fleet {
	t.Helper()
	f := &fleet{world: w, space: space, source: source}
	w.Cloister(t, "limits:set", fmt.Sprintf("apps=%d", n+10), fmt.Sprintf("dynos=%d", 3*n), "--space", space)
	team, err := w.api.Team(t.Context(), w.Team)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.api.CreatePipeline(t.Context(), heroku.PipelineCreateOpts{Name: "fleet", Owner: &heroku.PipelineOwner{ID: team.ID, Type: "team"}})
	if err != nil {
		t.Fatal(err)
	}
	f.pipeline = p.ID
	couple := func(app, stage string) {
		if _, err := w.api.Couple(t.Context(), heroku.PipelineCouplingOpts{App: heroku.Ref(app), Pipeline: heroku.Ref(p.ID), Stage: stage}); err != nil {
			t.Fatal(err)
		}
	}
	couple(source, "staging")
	for i := range n {
		app, err := w.api.CreateApp(t.Context(), heroku.AppCreateOpts{Name: fmt.Sprintf("fleet-%d", i), Space: heroku.Ref(space), Team: heroku.Ref(w.Team)})
		if err != nil {
			t.Fatal(err)
		}
		couple(app.Name, "production")
		f.apps = append(f.apps, app)
	}
	f.release(t)
	return f
}

// urls are where the apps answer.
func (f *fleet) urls() (out []string) {
	for _, a := range f.apps {
		out = append(out, *a.WebURL)
	}
	return out
}

// dynos are the apps' ones that are up, by app.
func (f *fleet) dynos(t *testing.T) map[string]string {
	t.Helper()
	top, err := f.api.Topology(t.Context(), f.space)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, a := range top.Apps {
		for _, p := range a.Formations {
			for _, d := range p.Dynos {
				out[a.ID] = d.PrivateIP
			}
		}
	}
	return out
}

// release promotes the source's code to all apps, and waits until it runs in another dyno of each.
func (f *fleet) release(t *testing.T) {
	t.Helper()
	before, began := f.dynos(t), time.Now()
	in := heroku.PipelinePromotionOpts{Pipeline: heroku.Ref(f.pipeline)}
	in.Source.App = heroku.Ref(f.source)
	for _, a := range f.apps {
		in.Targets = append(in.Targets, heroku.PromotionTo{App: heroku.Ref(a.ID)})
	}
	promotion, err := f.api.Promote(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	f.within(t, time.Minute, "all apps have a release", func() bool {
		targets, err := f.api.PromotionTargets(t.Context(), promotion.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range targets {
			if x.Status == "failed" {
				t.Fatalf("%s: %v", x.App.ID, *x.ErrorMessage)
			}
		}
		return len(targets) == len(f.apps) && targets[len(targets)-1].Status == "succeeded"
	})
	f.within(t, 5*time.Minute, "another dyno of each app is up, and the one before is gone", func() bool {
		now := f.dynos(t)
		for _, a := range f.apps {
			if now[a.ID] == "" || now[a.ID] == before[a.ID] {
				return false
			}
		}
		return true
	})
	t.Logf("%d apps released in %s", len(f.apps), time.Since(began).Round(time.Second))
}
