package plan

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// start is when the looks begin.
var start = time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)

func TestLoadFollowsWhatIsRunnable(t *testing.T) {
	var l Load
	at := start
	for range 12 * 60 { // an hour of looks every five seconds
		at = at.Add(5 * time.Second)
		l = l.Saw(engine.Usage{At: at, Runnable: 3})
	}
	for i, want := range []float64{3, 3, 2.95} {
		if math.Abs(l.Average[i]-want) > 0.05 {
			t.Errorf("after an hour of 3 the averages are %v", l.Average)
		}
	}
	for range 12 {
		at = at.Add(5 * time.Second)
		l = l.Saw(engine.Usage{At: at})
	}
	for i, want := range []float64{3 / math.E, 3 * math.Exp(-1./5), 3 * math.Exp(-1./15)} {
		if math.Abs(l.Average[i]-want) > 0.1 {
			t.Errorf("after a minute of nothing the averages are %v, want %.2f at %d", l.Average, want, i)
		}
	}
	if back := l.Saw(engine.Usage{At: start, Runnable: 100}); back.Average != l.Average {
		t.Errorf("a clock that went back changed the averages to %v", back.Average)
	}
}

func TestMetricsAreHerokusLines(t *testing.T) {
	d := cloister.Dyno{ID: "d1", AppID: "a1", Type: "web", Number: 2}
	u := engine.Usage{RSS: 20 << 20, Cache: 1 << 20, Swap: 1 << 19, PagesIn: 7, PagesOut: 3, Limit: 1 << 30}
	got := Metrics(d, u, Load{Average: [3]float64{0.456, 0.2, 0}})
	want := []string{
		"source=web.2 dyno=heroku.a1.d1 sample#load_avg_1m=0.46 sample#load_avg_5m=0.20 sample#load_avg_15m=0.00",
		"source=web.2 dyno=heroku.a1.d1 sample#memory_total=21.50MB sample#memory_rss=20.00MB sample#memory_cache=1.00MB sample#memory_swap=0.50MB sample#memory_pgpgin=7pages sample#memory_pgpgout=3pages sample#memory_quota=1024.00MB",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestOutOfMemoryTellsWhatWasMeasured(t *testing.T) {
	for _, c := range []struct {
		size string
		seen engine.Status
		want []string
	}{
		{"Private-S", engine.Status{}, nil},
		{"Private-S", engine.Status{OOM: true}, []string{"Error R15 (Memory quota vastly exceeded)"}},
		{"Private-M", engine.Status{OOM: true, Peak: 2560 << 20}, []string{"Process running mem=2560M(100.0%)", "Error R15 (Memory quota vastly exceeded)"}},
		{"Private-S", engine.Status{OOM: true, Peak: 1028 << 20}, []string{"Process running mem=1028M(100.4%)", "Error R15 (Memory quota vastly exceeded)"}},
	} {
		if got := outOfMemory(c.size, c.seen); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c.seen, got, c.want)
		}
	}
}
