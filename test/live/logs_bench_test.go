package live

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// chatting prints the line of a web server's log as often as it is told, for ten seconds: 9000 times a second at most, as
// no more than 10 000 are taken of a dyno.
const chatting = `import sys, time
rate, end = int(sys.argv[1]), time.monotonic() + 10
line = '10.0.0.1 - - [02/Jan/2024:03:04:05 +0000] "GET /articles/42?page=3 HTTP/1.1" 200 5316 "-" "Mozilla/5.0 (X11; Linux x86_64)"\n'
began, n = time.monotonic(), 0
while time.monotonic() < end:
    more = int((time.monotonic() - began) * rate) - n
    sys.stdout.write(line * more)
    sys.stdout.flush()
    n += more
    time.sleep(0.005)
sys.stdout.write("printed=%d\n" % n)
`

// BenchmarkLogs measures lines from a dyno's output to a drain that has them: how many come in a second, how many are
// lost, and what 10 000 of them cost of node's and control's processors. Each is done once, whatever b.N is.
func BenchmarkLogs(b *testing.B) {
	s := Start(b, "CLOISTER_DRAIN_PRIVATE=true")
	c := &crowd{s, &heroku.Client{URL: s.API, Token: s.Token}}
	s.Cloister(b, "spaces:create", "logs", "--team", s.Team)
	s.Cloister(b, "spaces:wait", "logs")
	s.Cloister(b, "limits:set", "one-offs=50", "--space", "logs")
	s.Cloister(b, "create", "bench-app", "--space", "logs", "--no-remote")
	s.push(b, "examples/go", "bench-app")
	var came, printed, ended atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for line := range strings.Lines(string(body)) {
			var n int64
			if _, text, ok := strings.Cut(line, " app run."); !ok {
				continue
			} else if _, last, ok := strings.Cut(text, " - printed="); ok {
				fmt.Sscan(last, &n)
				printed.Add(n)
				ended.Add(1)
			} else if strings.Contains(text, "GET /articles") {
				came.Add(1)
			}
		}
	}))
	defer receiver.Close()
	s.Cloister(b, "drains:add", receiver.URL, "--app", "bench-app")
	for _, dynos := range []int{1, 4, 8} {
		b.Run(fmt.Sprintf("dynos=%d", dynos), func(b *testing.B) {
			once(b, func() {
				came.Store(0)
				printed.Store(0)
				ended.Store(0)
				before, began := c.used(b), time.Now()
				for range dynos {
					s.Cloister(b, "run:detached", "--app", "bench-app", "--size", "private-s", "--", "python3", "-c", chatting, "9000")
				}
				Eventually(b, 2*time.Minute, "all dynos have said how much they printed", func() bool { return ended.Load() == int64(dynos) })
				took, used := time.Since(began), c.used(b)-before
				b.ReportMetric(float64(came.Load())/took.Seconds(), "lines/s")
				b.ReportMetric(float64(printed.Load()-came.Load()), "lost")
				b.ReportMetric(used.Seconds()*1000/(float64(came.Load())/10_000), "cpu-ms/10000-lines")
			})
		})
	}
}
