package live

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// A Load asks for one URL at a steady rate, as many clients would, and remembers what went wrong.
type Load struct {
	mu     sync.Mutex
	sent   int
	failed []string
	busy   sync.WaitGroup
	stop   context.CancelFunc
}

// StartLoad sends so many requests a second until Stop, whether earlier ones are answered or not. The connection goes
// to address, whatever the URL's host resolves to.
func StartLoad(url, address string, perSecond int) *Load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{stop: cancel}
	client := Client(address)
	client.Timeout = 40 * time.Second
	l.busy.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				l.busy.Go(func() { l.send(client, url) })
			}
		}
	})
	return l
}

func (l *Load) send(client *http.Client, url string) {
	start := time.Now()
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
		l.failed = append(l.failed, fmt.Sprintf("%s after %s: %v", start.Format("15:04:05.000"), time.Since(start).Round(time.Millisecond), err))
	}
}

// Stop waits for the answers that are due, and returns how many requests were sent and what failed.
func (l *Load) Stop() (sent int, failed []string) {
	l.stop()
	l.busy.Wait()
	return l.sent, l.failed
}
