package enginetest

import (
	"strconv"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

var ports = []contract{
	{"a bound port is shown", func(b *bench) {
		s := b.until(b.start(b.web(b.Commands.Listen, 5000)), "listening", func(s engine.Status) bool { return s.Listening })
		if s.Phase != engine.Running || s.Endpoint.Port() != 5000 || !s.Endpoint.Addr().IsValid() {
			// A fake that really listens has a port of the machine's choosing; its address says so.
			if !s.Endpoint.Addr().IsLoopback() {
				b.Errorf("it listens, but looks wrong: %+v", s)
			}
		}
	}},
	{"a port that is not bound is not shown", func(b *bench) {
		w := b.start(b.web(b.Commands.Wait, 5000))
		s := b.untilRunning(w)
		b.eventually("it ran a while", func() bool { return time.Since(s.StartedAt) > 300*time.Millisecond })
		if s, _ := b.status(w); s.Listening {
			b.Errorf("it does not listen, but: %+v", s)
		}
	}},
	{"only workloads with a port have an endpoint", func(b *bench) {
		if s := b.untilRunning(b.run(b.Commands.Wait)); s.Endpoint.IsValid() {
			b.Errorf("it has no port, but the endpoint %s", s.Endpoint)
		}
		if s := b.untilRunning(b.start(b.web(b.Commands.Wait, 5000))); !s.Endpoint.IsValid() {
			b.Error("it has a port, but no endpoint")
		}
	}},
	{"endpoints are unique, also over spaces with the same network", func(b *bench) {
		spaces := []engine.Space{b.space, b.newSpace()}
		seen := map[string]bool{}
		for range 3 {
			for _, space := range spaces {
				w := b.web(b.Commands.Listen, 5000)
				w.Space = space.ID
				s := b.until(b.start(w), "listening", func(s engine.Status) bool { return s.Listening })
				if e := s.Endpoint.String(); seen[e] {
					b.Errorf("two workloads have the endpoint %s", e)
				} else {
					seen[e] = true
				}
			}
		}
	}},
	{"what has exited does not listen", func(b *bench) {
		w := b.start(b.web(b.Commands.Listen, 5000))
		b.until(w, "listening", func(s engine.Status) bool { return s.Listening })
		b.must(b.Engine.Stop(b.ctx, w.ID, 0))
		if s := b.untilExited(w); s.Listening {
			b.Errorf("it has exited, but: %+v", s)
		}
	}},
}

// web describes a workload of this test that has a port.
func (b *bench) web(command []string, port int) engine.Workload {
	w := b.workload(command)
	w.Port, w.Env = port, map[string]string{"PORT": strconv.Itoa(port)}
	return w
}
