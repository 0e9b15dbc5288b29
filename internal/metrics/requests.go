package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloister-dev/cloister/internal/plan"
)

// bounds are the upper ends of what response times are sorted into, in seconds.
var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// requests are counted by app, as long as there is the app.
type requests struct {
	mu   sync.Mutex
	apps map[string]*tally
}

// A tally is of the requests to one app.
type tally struct {
	classes [6]uint64 // by the first digit of the status; 0: the client got none
	codes   map[string]uint64
	served  uint64
	seconds float64
	within  []uint64 // by bounds, each only what is not in one before
}

func newRequests() *requests { return &requests{apps: map[string]*tally{}} }

func (q *requests) add(appID string, r plan.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.apps[appID]
	if t == nil {
		t = &tally{codes: map[string]uint64{}, within: make([]uint64, len(bounds))}
		q.apps[appID] = t
	}
	if class := r.Status / 100; class >= 0 && class < len(t.classes) {
		t.classes[class]++
	}
	if r.Code != "" {
		t.codes[r.Code]++
	}
	if !r.Served || r.Status == 101 {
		return // a WebSocket tells nothing of how fast its app is
	}
	t.served++
	t.seconds += r.Service.Seconds()
	for i, bound := range bounds {
		if r.Service.Seconds() <= bound {
			t.within[i]++
			break
		}
	}
}

var classes = [6]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// tell tells the counts of the apps that there are, and forgets the others.
func (q *requests) tell(r rows, ch chan<- prometheus.Metric) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, t := range q.apps {
		a, known := r.apps[id]
		if !known {
			delete(q.apps, id)
			continue
		}
		space := r.names[a.SpaceID]
		for i, n := range t.classes {
			if n > 0 {
				ch <- prometheus.MustNewConstMetric(requestsTotal, prometheus.CounterValue, float64(n), space, a.Name, classes[i])
			}
		}
		for code, n := range t.codes {
			ch <- prometheus.MustNewConstMetric(errorsTotal, prometheus.CounterValue, float64(n), space, a.Name, code)
		}
		upTo, sum := map[float64]uint64{}, uint64(0)
		for i, bound := range bounds {
			sum += t.within[i]
			upTo[bound] = sum
		}
		ch <- prometheus.MustNewConstHistogram(requestSeconds, t.served, t.seconds, upTo, space, a.Name)
	}
}
