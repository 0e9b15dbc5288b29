package control

import (
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestDynosAreMeasuredForAppsThatWantIt(t *testing.T) {
	inPlant(t, func(p *plant) {
		p.obey(fake.Behaviour{Usage: engine.Usage{Memory: 30 << 20, RSS: 20 << 20, Cache: 1 << 20, Runnable: 2}})
		p.set(false)
		after(5 * time.Minute)
		const one = "web.1: source=web.1 dyno=heroku."
		if said := p.logs.lines(one); len(said) > 0 {
			t.Fatalf("nobody wants to know, and yet: %q", said)
		}
		p.set(true)
		after(10 * time.Minute)
		said := p.logs.lines(one + p.app.ID + ".")
		if len(said) < 50 || len(said) > 62 {
			t.Errorf("in ten minutes there are %d lines of a dyno, want two every twenty seconds", len(said))
		}
		last := strings.Join(said[len(said)-2:], "\n")
		for _, want := range []string{"sample#memory_rss=20.00MB", "sample#memory_total=21.00MB", "sample#memory_quota=1024.00MB", "sample#load_avg_1m=2.00"} {
			if !strings.Contains(last, want) {
				t.Errorf("%q is not in\n%s", want, last)
			}
		}
		if others := p.logs.lines("web.2: source=web.2 "); len(others) < 50 {
			t.Errorf("of the other dyno there are %d lines", len(others))
		}
		p.fake.Break(away)
		after(time.Minute)
		before := len(p.logs.lines(one))
		p.fake.Break(nil)
		after(time.Minute)
		if now := len(p.logs.lines(one)); now <= before {
			t.Errorf("after the engine was away there were %d lines, and are %d", before, now)
		}
	})
}

// set switches the feature of the app.
func (p *plant) set(on bool) {
	p.update(func(tx *store.Tx) error {
		app, err := tx.App(p.app.ID)
		if err != nil {
			return err
		}
		app.Features = map[string]bool{cloister.RuntimeMetrics: on}
		return tx.UpdateApp(app)
	})
}
