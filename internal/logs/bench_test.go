package logs

import (
	"context"
	"fmt"
	"syscall"
	"testing"
)

// cpu is how long this process has used processors, in nanoseconds.
func cpu() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *testing.B, before float64) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric((cpu()-before)/float64(b.N), "cpu-ns/line")
}

const usual = `10.0.0.1 - - [02/Jan/2024:03:04:05 +0000] "GET /articles/42?page=3 HTTP/1.1" 200 5316 "-" "Mozilla/5.0 (X11; Linux x86_64)"`

func BenchmarkWrite(b *testing.B) {
	l := open(b, Config{})
	defer closing(b, l)
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		l.write("a", Entry{Source: "app", Proc: "web.1", Text: usual}, "0c6f3cbe-35cc-4d2f-8b8e-0f9e2a64c2f1", false)
	}
	report(b, before)
}

func BenchmarkWriteWithColours(b *testing.B) {
	l := open(b, Config{})
	defer closing(b, l)
	before := cpu()
	for b.Loop() {
		l.Write("a", Entry{Source: "app", Proc: "web.1", Text: "\x1b[32minfo\x1b[0m " + usual + " é"})
	}
	report(b, before)
}

func BenchmarkHundredAppsWithATailEach(b *testing.B) {
	l := open(b, Config{})
	defer closing(b, l)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	apps := make([]string, 100)
	for i := range apps {
		apps[i] = fmt.Sprintf("app-%d", i)
		go func() {
			for range l.Read(ctx, apps[i], Filter{}, 0, true, 0) {
			}
		}()
	}
	i := 0
	before := cpu()
	for b.Loop() {
		l.Write(apps[i%len(apps)], Entry{Source: "app", Proc: "web.1", Text: usual})
		i++
	}
	report(b, before)
}

// BenchmarkFollow is what an app's output costs from the engine's lines to files and memory, with and without a drain
// that takes them from the spool.
func BenchmarkFollow(b *testing.B) {
	for _, drains := range [][]string{nil, {"d.1"}} {
		b.Run(fmt.Sprintf("drains=%d", len(drains)), func(b *testing.B) {
			l := open(b, Config{Rate: 1 << 30})
			defer closing(b, l)
			if err := l.Keep("a", drains); err != nil {
				b.Fatal(err)
			}
			p := newPrinter()
			lines := make([]string, b.N)
			for i := range lines {
				lines[i] = usual
			}
			p.print("w1", lines...)
			p.end("w1")
			b.ResetTimer()
			before := cpu()
			taken := make(chan int)
			for range drains {
				go func() {
					n := 0
					for place := l.Place("a", "d.1"); n < b.N; {
						batch, err := place.Next(b.Context())
						if err != nil {
							break
						}
						place.Took(batch)
						n += len(batch.Entries) + batch.Lost
						if batch.Lost > 0 {
							b.Errorf("%d lines were lost", batch.Lost)
						}
					}
					taken <- n
				}()
			}
			if err := l.Follow(b.Context(), p, "w1", "a", "web.1"); err != nil {
				b.Fatal(err)
			}
			for range drains {
				if n := <-taken; n != b.N {
					b.Errorf("%d lines of %d were taken", n, b.N)
				}
			}
			report(b, before)
		})
	}
}
