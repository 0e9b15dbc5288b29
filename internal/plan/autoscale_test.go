package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// ago is a minute some minutes before noon: with so many dynos, requests (all as fast) and failures among them.
func ago(minutes, dynos, requests, failed int, took time.Duration) Minute {
	m := Minute{At: noon.Add(-time.Duration(minutes) * time.Minute), Dynos: dynos}
	for i := range requests {
		r := Request{Status: 200, Service: took, Served: true}
		if i < failed {
			r.Status = 503
		}
		m.Add(r)
	}
	return m
}

func TestAutoscale(t *testing.T) {
	const slow, fast, mid = 900 * time.Millisecond, 50 * time.Millisecond, 400 * time.Millisecond
	a := cloister.Autoscale{Type: "web", Active: true, Min: 2, Max: 5, Latency: 500 * time.Millisecond}
	busy := func(minutes int, cpu float64) Minute {
		return Minute{At: noon.Add(-time.Duration(minutes) * time.Minute), Dynos: 3, CPU: cpu}
	}
	calm := []Minute{ago(3, 3, 60, 0, fast), ago(2, 3, 60, 0, fast), ago(1, 3, 60, 0, fast)}
	for _, c := range []struct {
		name   string
		change func(*cloister.Autoscale)
		n      int
		past   []Minute
		want   int
	}{
		{"slow", nil, 3, []Minute{ago(1, 3, 100, 0, slow)}, 4},
		{"off", func(a *cloister.Autoscale) { a.Active = false }, 3, []Minute{ago(1, 3, 100, 0, slow)}, 3},
		{"at its maximum", nil, 5, []Minute{ago(1, 5, 100, 0, slow)}, 5},
		{"a fifth fails", nil, 3, []Minute{ago(1, 3, 100, 20, slow)}, 4},
		{"more fail", nil, 3, []Minute{ago(1, 3, 100, 21, slow)}, 3},
		{"too few to tell", nil, 3, []Minute{ago(1, 3, 9, 0, slow)}, 3},
		{"just scaled", func(a *cloister.Autoscale) { a.ScaledAt = noon.Add(-30 * time.Second) }, 3, []Minute{ago(1, 3, 100, 0, slow)}, 3},
		{"scaled a minute ago", func(a *cloister.Autoscale) { a.ScaledAt = noon.Add(-58 * time.Second) }, 3, []Minute{ago(1, 3, 100, 0, slow)}, 4},
		{"slow long ago", nil, 3, []Minute{ago(3, 3, 100, 0, slow)}, 3},
		{"nothing known", nil, 3, nil, 3},
		{"below the minimum", nil, 1, nil, 2},
		{"above the maximum", nil, 9, nil, 5},
		{"calm, twice as fast as wanted", nil, 3, calm, 2},
		{"calm at the minimum", nil, 2, calm, 2},
		{"calm, but not long enough", nil, 3, calm[1:], 3},
		{"calm, but scaled since", func(a *cloister.Autoscale) { a.ScaledAt = noon.Add(-2 * time.Minute) }, 3, calm, 3},
		{"nobody there", nil, 3, []Minute{ago(3, 3, 0, 0, 0), ago(2, 3, 0, 0, 0), ago(1, 3, 0, 0, 0)}, 2},
		{"within the limit, no proof", nil, 3, []Minute{ago(3, 3, 60, 0, mid), ago(2, 3, 60, 0, mid), ago(1, 3, 60, 0, mid)}, 3},
		{"within the limit, proof", nil, 3, []Minute{ago(9, 2, 80, 0, mid), ago(3, 3, 60, 0, mid), ago(2, 3, 60, 0, mid), ago(1, 3, 60, 0, mid)}, 2},
		{"proof to the contrary", nil, 3, append([]Minute{ago(20, 2, 60, 0, slow)}, calm...), 3},
		{"busy processors", func(a *cloister.Autoscale) { a.Latency, a.CPU = 0, 80 }, 3, []Minute{busy(1, 85)}, 4},
		{"calm processors", func(a *cloister.Autoscale) { a.Latency, a.CPU = 0, 80 }, 3, []Minute{busy(3, 20), busy(2, 47), busy(1, 20)}, 2},
		{"calm, but not for fewer", func(a *cloister.Autoscale) { a.Latency, a.CPU = 0, 80 }, 3, []Minute{busy(3, 20), busy(2, 49), busy(1, 20)}, 3},
		{"fast, but busy processors", func(a *cloister.Autoscale) { a.CPU = 80 }, 3, append(calm[:2:2], busy(1, 90)), 4},
	} {
		b := a
		if c.change != nil {
			c.change(&b)
		}
		got, why := Autoscale(b, c.n, c.past, noon.Add(2*time.Second))
		if got != c.want || (why != "") != (got != c.n) {
			t.Errorf("%s: %d %q, want %d", c.name, got, why, c.want)
		}
	}
}

// However an app behaves, it is never taken out of its range, never moved by more than one, nor more than once a minute.
func TestAutoscaleFindsItsLevel(t *testing.T) {
	a := cloister.Autoscale{Type: "web", Active: true, Min: 1, Max: 10, Latency: 300 * time.Millisecond}
	n, now := 1, noon
	var past []Minute
	load := func(minute int) int { // requests a minute; a dyno manages 100
		if minute < 20 || minute >= 120 {
			return 50
		}
		return 550
	}
	var levels []int
	for minute := range 240 {
		m := Minute{At: now, Dynos: n}
		took := 60 * time.Millisecond
		if load(minute) > 100*n {
			took = 2 * time.Second
		}
		for range load(minute) {
			m.Add(Request{Status: 200, Service: took, Served: true})
		}
		if past = append(past, m); len(past) > 60 {
			past = past[1:]
		}
		now = now.Add(time.Minute)
		want, _ := Autoscale(a, n, past, now.Add(2*time.Second))
		if want < a.Min || want > a.Max || want > n+1 || want < n-1 {
			t.Fatalf("minute %d: from %d to %d", minute, n, want)
		}
		if want != n {
			n, a.ScaledAt = want, now.Add(2*time.Second)
		}
		levels = append(levels, n)
	}
	for _, at := range []struct{ minute, want int }{{19, 1}, {30, 6}, {110, 6}, {239, 1}} {
		if levels[at.minute] != at.want {
			t.Errorf("in minute %d there are %d dynos, want %d: %v", at.minute, levels[at.minute], at.want, levels)
		}
	}
}

func TestAtMaximumIsSaidOnce(t *testing.T) {
	a := cloister.Autoscale{Type: "web", Active: true, Min: 1, Max: 2, Latency: 500 * time.Millisecond}
	slow, fast := ago(2, 2, 50, 0, time.Second), ago(2, 2, 50, 0, time.Millisecond)
	for _, c := range []struct {
		n    int
		past []Minute
		want bool
	}{{2, []Minute{slow}, true}, {2, []Minute{fast, slow}, true}, {2, []Minute{slow, slow}, false}, {1, []Minute{slow}, false}, {2, []Minute{fast}, false}, {2, nil, false}} {
		if got := AtMaximum(a, c.n, c.past); (got != "") != c.want {
			t.Errorf("%d dynos, %d minutes: %q", c.n, len(c.past), got)
		}
	}
}

func TestARouterLineIsRead(t *testing.T) {
	for line, want := range map[string]Request{
		`at=info method=GET path="/" host=a request_id=b fwd="c" dyno=web.1 connect=1ms service=18ms status=200 bytes=13 protocol=http1.1`: {Status: 200, Service: 18 * time.Millisecond, Served: true},
		`at=error code=H12 desc="Request timeout" method=GET path="/" host=a dyno=web.1 connect=0ms service=30000ms status=503 bytes=0`:    {Code: "H12", Status: 503, Service: 30 * time.Second, Served: true},
		`at=error code=H14 desc="No web processes running" method=GET path="/" host=a dyno= connect= service= status=503 bytes=0`:          {Code: "H14", Status: 503},
		`at=info method=GET path="/\" code=H99 status=500 service=9ms \"" host=a dyno=web.1 service=2ms status=200`:                        {Status: 200, Service: 2 * time.Millisecond, Served: true},
		`at=info method=GET path="/\\" host=code=H99 dyno=web.1 connect=1ms service=2ms status=200`:                                        {Status: 200, Service: 2 * time.Millisecond, Served: true},
		`at=info path="/ status=500`: {},
		``:                           {},
	} {
		if got := ParseRequest(line); got != want {
			t.Errorf("%s\n%+v, want %+v", line, got, want)
		}
	}
}

func TestP95IsWithinATenth(t *testing.T) {
	for _, ms := range []int{1, 7, 100, 512, 2999, 30000, 100000} {
		var h Histogram
		for i := range 1000 {
			d := time.Millisecond / 2
			if i < 60 {
				d = time.Duration(ms) * time.Millisecond
			}
			h.Add(d)
		}
		got, n := h.P95()
		if off := float64(got)/float64(time.Duration(ms)*time.Millisecond) - 1; n != 1000 || off < -0.01 || off > 0.11 {
			t.Errorf("%d ms: %v of %d", ms, got, n)
		}
		h[0] += 500
		if got, _ := h.P95(); got != 0 {
			t.Errorf("%d ms for 60 of 1500: %v", ms, got)
		}
	}
	var none Histogram
	if got, n := none.P95(); got != 0 || n != 0 {
		t.Error(fmt.Sprint(got, n))
	}
}
