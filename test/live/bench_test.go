package live

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/engine/remote"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// BenchmarkServer measures what people wait for on a whole server, and what the server takes for itself while nobody
// asks for anything. Figures are distributions in one run; the starts of a dyno stand beside `ctr run` of its image.
func BenchmarkServer(b *testing.B) {
	s := Start(b)
	api := &heroku.Client{URL: s.API, Token: s.Token}
	s.Cloister(b, "spaces:create", "bench", "--team", s.Team)
	s.Cloister(b, "spaces:wait", "bench")
	s.Cloister(b, "create", "bench-app", "--space", "bench", "--no-remote")
	s.push(b, "examples/go", "bench-app")
	s.Cloister(b, "ps:wait", "--app", "bench-app")
	app, err := api.App(b.Context(), "bench-app")
	if err != nil {
		b.Fatal(err)
	}

	b.Run("idle", func(b *testing.B) { s.benchIdle(b, api, app.ID) })
	b.Run("spaces-create-to-allocated", func(b *testing.B) {
		n := 0
		sample(b, func() time.Duration {
			n++
			name := fmt.Sprintf("bench-%d-%d", b.N, n)
			start := time.Now()
			if _, err := api.CreateSpace(b.Context(), heroku.SpaceCreateOpts{Name: name, Team: heroku.Ref(s.Team)}); err != nil {
				b.Fatal(err)
			}
			for {
				if sp, err := api.Space(b.Context(), name); err != nil {
					b.Fatal(err)
				} else if sp.State == "allocated" {
					break
				}
				time.Sleep(time.Millisecond)
			}
			took := time.Since(start)
			if _, err := api.DeleteSpace(b.Context(), name); err != nil {
				b.Fatal(err)
			}
			return took
		})
	})
	b.Run("trusted-ips-in-force", func(b *testing.B) {
		n := 0
		sample(b, func() time.Duration {
			n++
			rules := []heroku.Rule{{Action: "allow", Source: "127.0.0.0/8"}, {Action: "allow", Source: fmt.Sprintf("10.0.%d.0/24", n%256)}}
			start := time.Now()
			r, err := api.SetRuleset(b.Context(), "bench", heroku.RulesetUpdateOpts{Rules: rules})
			if err != nil || r.Applied == nil || !*r.Applied {
				b.Fatalf("not in force: %v", err)
			}
			return time.Since(start)
		})
	})
	var scaled, attached, plain float64
	b.Run("run-to-first-byte", func(b *testing.B) {
		w := &world{Server: s, api: api}
		attached = sample(b, func() time.Duration {
			start := time.Now()
			sh := w.shell(b, "bench-app", "echo first byte")
			sh.says(b, "f")
			took := time.Since(start)
			io.Copy(io.Discard, sh)
			for { // no more than five run at once
				seen, err := remote.Dial(filepath.Join(s.Run, "node.sock")).List(b.Context(), "run/"+sh.dyno.ID)
				if err != nil {
					b.Fatal(err)
				}
				if len(seen) == 0 {
					return took
				}
				time.Sleep(time.Millisecond)
			}
		})
	})
	b.Run("scale-to-first-answer", func(b *testing.B) {
		scaled = sample(b, func() time.Duration {
			scaleTo(b, api, 0)
			for { // until nothing of the dyno is left
				seen, err := remote.Dial(filepath.Join(s.Run, "node.sock")).List(b.Context(), app.ID)
				if err != nil {
					b.Fatal(err)
				}
				if len(seen) == 0 {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			start := time.Now()
			scaleTo(b, api, 1)
			for {
				res, err := Client(s.HTTP).Get(*app.WebURL)
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode == http.StatusOK {
					return time.Since(start)
				}
				if time.Since(start) > time.Minute { // 503 for as long as the router does not know that a dyno starts
					b.Fatalf("status %d", res.StatusCode)
				}
				time.Sleep(time.Millisecond)
			}
		})
	})
	b.Run("ctr-run", func(b *testing.B) {
		image := s.image(b)
		n := 0
		plain = sample(b, func() time.Duration {
			n++
			start := time.Now()
			s.ctr(b, "run", "--rm", image, fmt.Sprintf("bench-%d-%d", b.N, n), "/bin/true")
			return time.Since(start)
		})
		if plain > 0 && scaled > 0 {
			b.ReportMetric(scaled/plain, "scale/ctr")
		}
		if plain > 0 && attached > 0 {
			b.ReportMetric(attached/plain, "run/ctr")
		}
	})
}

// push deploys one of the examples.
func (s *Server) push(b *testing.B, source, app string) {
	b.Helper()
	push := exec.Command("scripts/push.sh", source, app)
	push.Dir, push.Env = Root(b), s.Env
	if out, err := push.CombinedOutput(); err != nil {
		b.Fatalf("push: %v\n%s", err, out)
	}
}

// sample reports the median and the 99th percentile of b.N durations, and returns the median in milliseconds.
func sample(b *testing.B, one func() time.Duration) float64 {
	var all []float64
	for b.Loop() {
		all = append(all, float64(one().Microseconds())/1000)
	}
	slices.Sort(all)
	median := all[len(all)/2]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median, "p50-ms")
	b.ReportMetric(all[len(all)*99/100], "p99-ms")
	return median
}

func scaleTo(b *testing.B, api *heroku.Client, n int) {
	b.Helper()
	q := heroku.Quantity{N: n}
	if _, err := api.UpdateFormation(b.Context(), "bench-app", heroku.FormationBatchOpts{
		Updates: heroku.List[heroku.FormationUpdate]{{Type: "web", Quantity: &q}}}); err != nil {
		b.Fatal(err)
	}
}

// image is the name that containerd knows the app's image by.
func (s *Server) image(b *testing.B) string {
	b.Helper()
	names := strings.Fields(s.ctr(b, "images", "ls", "-q"))
	if len(names) == 0 {
		b.Fatal("containerd has no image")
	}
	return names[len(names)-1]
}

func (s *Server) ctr(b *testing.B, args ...string) string {
	b.Helper()
	var name string
	for _, e := range s.Env {
		if n, ok := strings.CutPrefix(e, "CLOISTER_NAME="); ok {
			name = n
		}
	}
	return s.run(b, nil, "ctr", append([]string{"--address", filepath.Join(s.Run, "containerd.sock"), "--namespace", name}, args...)...)
}

// benchIdle reports resident memory: of our three processes, of containerd, and what a dyno costs beyond its app.
func (s *Server) benchIdle(b *testing.B, api *heroku.Client, app string) {
	own := 1e9 // the least of a minute: what the push before needed is given back by then
	for end := time.Now().Add(70 * time.Second); time.Now().Before(end); time.Sleep(time.Second) {
		now := 0.0
		for _, p := range []string{"node", "control", "router"} {
			now += resident(b, s.PID(b, p))
		}
		own = min(own, now)
	}
	one := s.overhead(b)
	q := heroku.Quantity{N: 6}
	if _, err := api.UpdateFormation(b.Context(), "bench-app", heroku.FormationBatchOpts{
		Updates: heroku.List[heroku.FormationUpdate]{{Type: "web", Quantity: &q}}}); err != nil {
		b.Fatal(err)
	}
	s.Cloister(b, "ps:wait", "--app", "bench-app")
	Eventually(b, time.Minute, "six dynos are up", func() bool {
		seen, err := remote.Dial(filepath.Join(s.Run, "node.sock")).List(b.Context(), app)
		n := 0
		for _, w := range seen {
			if w.Listening {
				n++
			}
		}
		return err == nil && n == 6
	})
	six := s.overhead(b)
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(own, "own-MB")
	b.ReportMetric((six-one)/5, "MB/dyno")
}

// overhead is the proportional memory of all processes of the server but those of apps, in MB.
func (s *Server) overhead(b *testing.B) (sum float64) {
	b.Helper()
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		line, err := os.ReadFile(d + "/cmdline")
		if err != nil {
			continue
		}
		text := strings.ReplaceAll(string(line), "\x00", " ")
		ours := strings.Contains(text, s.State) || strings.Contains(text, s.Run) || strings.HasPrefix(text, "/dev/init ")
		if pid, err := strconv.Atoi(filepath.Base(d)); err == nil && ours {
			sum += proportional(pid)
		}
	}
	return sum
}

// resident is a process's resident memory in MB.
func resident(b *testing.B, pid int) float64 {
	return field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:")
}

// proportional is a process's memory in MB, with what it shares divided among those that share it.
func proportional(pid int) float64 { return field(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:") }

func field(path, name string) float64 {
	data, _ := os.ReadFile(path)
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}
