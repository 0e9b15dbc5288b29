package cloister

import (
	"testing"
	"time"
)

func TestAnAutoscaleSaysWhatToScaleByAndHowFar(t *testing.T) {
	good := Autoscale{Type: "web", Min: 1, Max: 4, Latency: 500 * time.Millisecond}
	for name, c := range map[string]struct {
		change func(*Autoscale)
		ok     bool
	}{
		"latency":             {func(*Autoscale) {}, true},
		"fixed":               {func(a *Autoscale) { a.Max = 1 }, true},
		"both":                {func(a *Autoscale) { a.CPU = 80 }, true},
		"worker":              {func(a *Autoscale) { a.Type, a.Latency, a.CPU = "worker", 0, 80 }, true},
		"no minimum":          {func(a *Autoscale) { a.Min = 0 }, false},
		"less than itself":    {func(a *Autoscale) { a.Min = 5 }, false},
		"worker with latency": {func(a *Autoscale) { a.Type = "worker" }, false},
		"release":             {func(a *Autoscale) { a.Type, a.Latency, a.CPU = "release", 0, 80 }, false},
		"nothing":             {func(a *Autoscale) { a.Latency = 0 }, false},
		"forever":             {func(a *Autoscale) { a.Latency = time.Minute }, false},
		"microseconds":        {func(a *Autoscale) { a.Latency = time.Microsecond }, false},
		"full":                {func(a *Autoscale) { a.CPU = 100 }, false},
	} {
		a := good
		c.change(&a)
		if err := a.Valid(); (err == nil) != c.ok || err != nil && KindOf(err) != Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
