package control

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// scales has the app's process type scaled by itself, between 1 and 4.
func (p *plant) scales(change func(*cloister.Autoscale)) (id string) {
	a := cloister.Autoscale{ID: cloister.NewID(), AppID: p.app.ID, Type: "web", Active: true, Min: 1, Max: 4, Latency: 500 * time.Millisecond}
	change(&a)
	p.update(func(tx *store.Tx) error {
		a.CreatedAt, a.UpdatedAt = tx.Now, tx.Now
		if err := tx.PutAutoscale(a); err != nil {
			return err
		}
		return tx.Touch("autoscale", a.ID)
	})
	return a.ID
}

// asks has the router tell of requests in every second of some minutes.
func (p *plant) asks(minutes int, took time.Duration, status int) {
	for range minutes * 60 {
		for range 5 {
			p.life.Request(p.app.ID, time.Now(), plan.ParseRequest(fmt.Sprintf(`at=info method=GET path="/" dyno=web.1 connect=0ms service=%dms status=%d bytes=2`, took.Milliseconds(), status)))
		}
		after(time.Second)
	}
}

func TestWebIsScaledByHowFastItAnswers(t *testing.T) {
	inPlant(t, func(p *plant) {
		after(time.Minute)
		p.wants(2, "before")
		id := p.scales(func(*cloister.Autoscale) {})
		p.asks(2, 900*time.Millisecond, 200)
		if n := len(p.dynos()); n != 3 && n != 4 {
			t.Errorf("two slow minutes lead from 2 to %d dynos", n)
		}
		p.asks(8, 900*time.Millisecond, 200)
		p.wants(4, "slow for long")
		if said := p.logs.lines("autoscale: web is at its maximum of 4: 95% of requests took up to "); len(said) != 1 {
			t.Errorf("that it is at its maximum is said %d times", len(said))
		}
		if said := p.logs.lines("autoscale: Scaled web from "); len(said) != 2 || !strings.Contains(said[0], "from 2 to 3: 95% of requests took up to ") {
			t.Errorf("it said %q", said)
		}
		p.asks(5, 10*time.Millisecond, 200) // of an hour in which 4 were slow, none can be spared
		p.wants(4, "fast for a while")
		p.asks(1, 10*time.Millisecond, 200)
		after(61 * time.Minute)
		p.wants(1, "nobody comes")
		p.update(func(tx *store.Tx) error {
			a, err := tx.Autoscale(id)
			if err != nil {
				return err
			}
			a.Active = false
			return tx.PutAutoscale(a)
		})
		p.asks(4, 900*time.Millisecond, 200)
		p.wants(1, "it is off")
		if w := p.work("autoscale", id); w != nil {
			t.Errorf("it is off, and looked at: %+v", w)
		}
	})
}

func TestAnAppThatFailsIsNotScaledUp(t *testing.T) {
	inPlant(t, func(p *plant) {
		p.scales(func(*cloister.Autoscale) {})
		p.asks(6, 900*time.Millisecond, 500)
		p.wants(2, "all requests fail")
	})
}

func TestASpaceFullOfDynosIsToldOf(t *testing.T) {
	inPlant(t, func(p *plant) {
		p.update(func(tx *store.Tx) error { return tx.SetLimit(p.space.ID, cloister.LimitDynos, 2) })
		p.scales(func(*cloister.Autoscale) {})
		p.asks(4, 900*time.Millisecond, 200)
		p.wants(2, "the space is full")
		if said := p.logs.lines("autoscale: web was not scaled to 3: Space cellar has 2 dynos, and would have 3; the limit is 2."); len(said) == 0 {
			t.Errorf("it said %q", p.logs.lines("autoscale"))
		}
	})
}

func TestDynosAreScaledByTheirProcessors(t *testing.T) {
	inPlant(t, func(p *plant) {
		p.obey(fake.Behaviour{Cores: 1.9}) // of two
		after(time.Minute)
		p.scales(func(a *cloister.Autoscale) { a.Latency, a.CPU = 0, 80 })
		after(10 * time.Minute)
		p.wants(4, "busy")
		if said := p.logs.lines("autoscale: Scaled web from 2 to 3: processors were busy by 95%"); len(said) != 1 {
			t.Errorf("it said %q", p.logs.lines("autoscale"))
		}
	})
}

func TestErrorsAreCountedAndKept(t *testing.T) {
	inPlant(t, func(p *plant) {
		after(time.Minute)
		hour := time.Now().UTC().Truncate(time.Hour)
		for range 3 {
			p.life.Request(p.app.ID, time.Now(), plan.ParseRequest(`at=error code=H12 desc="Request timeout" method=GET path="/ code=H99" service=30000ms status=503`))
		}
		p.life.logs.Platform(p.app.ID, "web.1", time.Now(), "Error R15 (Memory quota vastly exceeded)")
		p.life.logs.Platform(p.app.ID, "web.1", time.Now(), "app says Error R14 (")
		p.life.Request(cloister.NewID(), time.Now(), plan.ParseRequest(`at=error code=H14 status=503`)) // of an app that is gone
		p.stop()                                                                                        // what was not written yet is now
		var got []cloister.ErrorCount
		p.look(func(tx *store.Tx) (err error) {
			got, err = tx.ErrorCounts(p.app.ID, hour, hour.Add(time.Hour))
			return err
		})
		if want := []cloister.ErrorCount{{AppID: p.app.ID, Code: "H12", Hour: hour, Count: 3}, {AppID: p.app.ID, Type: "web", Code: "R15", Hour: hour, Count: 1}}; !slices.Equal(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}
