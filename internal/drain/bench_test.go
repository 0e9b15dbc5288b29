package drain

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cloister-dev/cloister"
)

const usualLine = `10.0.0.1 - - [02/Jan/2024:03:04:05 +0000] "GET /articles/42?page=3 HTTP/1.1" 200 5316 "-" "Mozilla/5.0 (X11; Linux x86_64)"`

// BenchmarkDelivery is lines from Write to a receiver that has all of them, for one app and for twenty at once. The
// processor's time is the receiver's too.
func BenchmarkDelivery(b *testing.B) {
	secure, roots := trust(b)
	var got atomic.Int64
	count := func(r *http.Request) {
		io.Copy(io.Discard, r.Body)
		n, _ := strconv.Atoi(r.Header.Get("Logplex-Msg-Count"))
		got.Add(int64(n))
	}
	web := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { count(r) }))
	defer web.Close()
	for scheme, url := range map[string]string{
		"https":      web.URL,
		"syslog+tls": newSyslogReceiver(b, secure, func(c net.Conn) { frames(c, func(message) { got.Add(1) }) }),
	} {
		for _, apps := range []int{1, 20} {
			b.Run(fmt.Sprintf("%s/apps=%d", scheme, apps), func(b *testing.B) {
				got.Store(0)
				h := newHouse(b, roots).start()
				for i := range apps {
					app := fmt.Sprintf("app-%d", i)
					if err := h.deliver.Set(app, []cloister.Drain{{ID: app, AppID: app, URL: cloister.Secret(url), Token: "d." + app}}); err != nil {
						b.Fatal(err)
					}
				}
				b.ResetTimer()
				var before, after syscall.Rusage
				syscall.Getrusage(syscall.RUSAGE_SELF, &before)
				var all sync.WaitGroup
				for i := range apps {
					all.Go(func() {
						app, n := fmt.Sprintf("app-%d", i), b.N/apps
						if i == 0 {
							n += b.N % apps
						}
						for range n {
							h.lines.Write(app, entry(usualLine))
						}
					})
				}
				all.Wait()
				eventually(b, func() error {
					if n := got.Load(); n != int64(b.N) {
						return fmt.Errorf("%d lines of %d came", n, b.N)
					}
					return nil
				})
				syscall.Getrusage(syscall.RUSAGE_SELF, &after)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
				used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
				b.ReportMetric(float64(used)/float64(b.N)*1e4/1e6, "cpu-ms/10klines")
				b.StopTimer()
				h.stop()
			})
		}
	}
}
