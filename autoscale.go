package cloister

import "time"

// An Autoscale changes by itself how many dynos a process type has: one more when what it looks at is above what its
// owner wants, one fewer when that is safe. Scaling by hand switches it off.
type Autoscale struct {
	ID        string
	AppID     string
	Type      string
	Active    bool          // spec
	Min, Max  int           // spec: dynos, both inclusive
	Latency   time.Duration // spec: below which 95 of 100 requests are to be answered; 0: not looked at
	CPU       int           // spec: percent of their processors that dynos are to stay below; 0: not looked at
	ScaledAt  time.Time     // status: when it last scaled; zero: never
	CreatedAt time.Time
	UpdatedAt time.Time
}

// DefaultLatency is what an Autoscale wants whose owner did not say, as Heroku's clients send it.
const DefaultLatency = time.Second

// Valid reports why a cannot be, or nil.
func (a Autoscale) Valid() error {
	switch {
	case a.Type == ReleaseType:
		return Errorf(Invalid, "Process type release can not be scaled: its command runs once for each release.")
	case a.Min < 1:
		return Errorf(Invalid, "Min is %d. Autoscaling keeps at least 1 dyno; scale to 0 by hand.", a.Min)
	case a.Max < a.Min:
		return Errorf(Invalid, "Max is %d, below min, which is %d.", a.Max, a.Min)
	case a.Latency < 0 || a.Latency%time.Millisecond != 0 || a.Latency > 30*time.Second:
		return Errorf(Invalid, "A response time is between 1 and 30000 ms: after that, a request has failed anyway.")
	case a.Latency > 0 && a.Type != "web":
		return Errorf(Invalid, "Only web dynos have response times. Scale %s by the load of its processors: cpu, in percent.", a.Type)
	case a.CPU < 0 || a.CPU > 99:
		return Errorf(Invalid, "The load of processors is between 1 and 99 percent.")
	case a.Latency == 0 && a.CPU == 0:
		return Errorf(Invalid, "Say what to scale by: the response time of web, or the load of processors.")
	}
	return nil
}

// An ErrorCount is how often an error of a code happened to an app within an hour.
type ErrorCount struct {
	AppID string
	Type  string // the process type of the dyno it happened to; "" for the router
	Code  string // "H12", "R15"
	Hour  time.Time
	Count int
}
