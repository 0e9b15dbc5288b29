package live

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// A Load asks for some URLs in turn, at a steady rate, as many clients would, and remembers what went wrong.
type Load struct {
	mu     sync.Mutex
	sent   int
	failed []Failure
	busy   sync.WaitGroup
	stop   context.CancelFunc
}

// A Failure is a request that was not answered as it should be.
type Failure struct {
	Start, End time.Time
	Err        error
}

func (f Failure) String() string {
	return fmt.Sprintf("%s after %s: %v", f.Start.Format("15:04:05.000"), f.End.Sub(f.Start).Round(time.Millisecond), f.Err)
}

// StartLoad sends so many requests a second until Stop, whether earlier ones are answered or not.
func StartLoad(client *http.Client, perSecond int, urls ...string) *Load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{stop: cancel}
	client.Timeout = 40 * time.Second
	l.busy.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				l.busy.Go(func() { l.send(client, urls[n%len(urls)]) })
			}
		}
	})
	return l
}

func (l *Load) send(client *http.Client, url string) {
	f := Failure{Start: time.Now()}
	res, err := client.Get(url)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", res.StatusCode)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	if err != nil {
		f.End, f.Err = time.Now(), err
		l.failed = append(l.failed, f)
	}
}

// Sent is how many requests have been answered, or failed, so far.
func (l *Load) Sent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// Stop waits for the answers that are due, and returns how many requests were sent and what failed.
func (l *Load) Stop() (sent int, failed []Failure) {
	l.stop()
	l.busy.Wait()
	return l.sent, l.failed
}
