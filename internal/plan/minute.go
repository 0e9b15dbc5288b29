package plan

import (
	"math"
	"time"
)

// A Minute is what went on in an app during a minute, as far as it is known.
type Minute struct {
	At       time.Time // its beginning
	Dynos    int       // of the process type, at its end; 0: not known
	Requests int
	Failed   int
	Latency  Histogram // of those requests that were served
	CPU      float64   // percent of their processors that dynos used, on average; 0: not known
}

// Add counts a request in. One that a dyno took over for good (a WebSocket) says nothing of how fast it answers.
func (m *Minute) Add(r Request) {
	m.Requests++
	if r.Failed() {
		m.Failed++
	}
	if r.Served && r.Status != 101 {
		m.Latency.Add(r.Service)
	}
}

// A Histogram counts times, each to within a tenth.
type Histogram [buckets]uint32

const (
	buckets = 128
	growth  = 1.1
)

// Add counts a time.
func (h *Histogram) Add(d time.Duration) {
	i := 0
	if ms := float64(d) / float64(time.Millisecond); ms >= 1 {
		i = min(1+int(math.Log(ms)/math.Log(growth)), buckets-1)
	}
	h[i]++
}

// P95 is a time that 95 of 100 do not exceed, and how many were counted.
func (h *Histogram) P95() (time.Duration, int) {
	n := 0
	for _, c := range h {
		n += int(c)
	}
	rest := n - n*95/100
	for i := buckets - 1; i > 0; i-- {
		if rest -= int(h[i]); rest < 0 {
			return time.Duration(math.Pow(growth, float64(i)) * float64(time.Millisecond)), n
		}
	}
	return 0, n
}
