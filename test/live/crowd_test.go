package live

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// BenchmarkCrowd measures many dynos in one space: how long they take to start, to be released anew, and to be up again
// when a zone is lost, and what they cost. Each is done once, whatever b.N is: the figures are of a hundred starts.
func BenchmarkCrowd(b *testing.B) {
	s := Start(b)
	c := &crowd{s, &heroku.Client{URL: s.API, Token: s.Token}}
	s.Cloister(b, "spaces:create", "crowd", "--team", s.Team)
	s.Cloister(b, "spaces:wait", "crowd")
	s.Cloister(b, "limits:set", "dynos-per-type=200", "dynos=300", "--space", "crowd")
	s.Cloister(b, "create", "bench-app", "--space", "crowd", "--no-remote")
	s.push(b, "examples/go", "bench-app")
	s.Cloister(b, "ps:type", "web=private-xs", "--app", "bench-app")
	s.Cloister(b, "ps:wait", "--app", "bench-app")

	b.Run("start-99-more", func(b *testing.B) {
		once(b, func() {
			one, began := s.overhead(b), time.Now()
			scaleTo(b, c.api, 100)
			c.waits(b, 100, 0, "")
			took := time.Since(began)
			b.ReportMetric(took.Seconds(), "s")
			b.ReportMetric(99/took.Seconds(), "dynos/s")
			b.ReportMetric((s.overhead(b)-one)/99, "MB/dyno")
		})
	})
	b.Run("rest-with-100", func(b *testing.B) {
		once(b, func() {
			const rest = 30 * time.Second
			before := c.used(b)
			for end := time.Now().Add(rest); time.Now().Before(end); time.Sleep(time.Second) {
			}
			b.ReportMetric(100*(c.used(b)-before).Seconds()/rest.Seconds(), "%cpu")
		})
	})
	b.Run("lose-a-zone-of-60", func(b *testing.B) {
		once(b, func() {
			scaleTo(b, c.api, 60)
			c.waits(b, 60, 0, "")
			zones, err := c.api.Zones(b.Context())
			if err != nil || len(zones) < 2 || zones[0].Dynos < 15 {
				b.Fatalf("the zones are %+v, %v", zones, err)
			}
			began := time.Now()
			s.Cloister(b, "zones:fail", zones[0].Name, "--confirm", zones[0].Name)
			c.waits(b, 60, 0, zones[0].Name)
			b.ReportMetric(time.Since(began).Seconds(), "s")
			b.ReportMetric(float64(zones[0].Dynos), "dynos")
			s.Cloister(b, "zones:heal", zones[0].Name)
		})
	})
	b.Run("release-20", func(b *testing.B) {
		once(b, func() {
			scaleTo(b, c.api, 20)
			c.waits(b, 20, 0, "")
			began := time.Now()
			s.Cloister(b, "config:set", "COLOUR=green", "--app", "bench-app")
			r, err := c.api.Releases(b.Context(), "bench-app", heroku.Latest("version", 1))
			if err != nil {
				b.Fatal(err)
			}
			c.waits(b, 20, r[0].Version, "")
			b.ReportMetric(time.Since(began).Seconds(), "s")
		})
	})
}

// once measures something that is not to be repeated.
func once(b *testing.B, do func()) {
	done := false
	for b.Loop() {
		if !done {
			do()
		}
		done = true
	}
	b.ReportMetric(0, "ns/op")
}

type crowd struct {
	*Server
	api *heroku.Client
}

// waits waits until n web dynos are up and no others are there: of a release, 0 for any, and none in a zone that is lost.
func (c *crowd) waits(b *testing.B, n, version int, lost string) {
	b.Helper()
	Eventually(b, 5*time.Minute, strconv.Itoa(n)+" dynos are up", func() bool {
		all, err := c.api.Dynos(b.Context(), "bench-app")
		if err != nil || len(all) != n {
			return false
		}
		for _, d := range all {
			if d.State != "up" || version > 0 && (d.Release == nil || d.Release.Version != version) {
				return false
			}
		}
		return lost == "" || !c.inZone(b, lost)
	})
}

// inZone reports whether any dyno is in a zone.
func (c *crowd) inZone(b *testing.B, zone string) bool {
	b.Helper()
	zones, err := c.api.Zones(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, z := range zones {
		if z.Name == zone {
			return z.Dynos > 0
		}
	}
	b.Fatalf("there is no zone %s", zone)
	return false
}

// used is the processor time of our three processes.
func (c *crowd) used(b *testing.B) (sum time.Duration) {
	b.Helper()
	for _, p := range []string{"node", "control", "router"} {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(c.PID(b, p)) + "/stat")
		if err != nil {
			b.Fatal(err)
		}
		f := strings.Fields(string(data[strings.LastIndexByte(string(data), ')'):]))
		user, _ := strconv.Atoi(f[12])
		system, _ := strconv.Atoi(f[13])
		sum += time.Duration(user+system) * 10 * time.Millisecond // of a hundred ticks a second
	}
	return sum
}
