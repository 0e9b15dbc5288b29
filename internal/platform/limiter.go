package platform

import (
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
)

// A Limiter lets each key do so much an hour. What was used comes back evenly with time.
type Limiter struct {
	perHour int

	mu   sync.Mutex
	used map[string]use
}

type use struct {
	n  float64   // of the hour's number
	at time.Time // when that was true
}

// NewLimiter returns a limiter of which nothing is used.
func NewLimiter(perHour int) *Limiter {
	return &Limiter{perHour: perHour, used: map[string]use{}}
}

// Take uses one for key, if there is one left, and tells how many are left then.
func (l *Limiter) Take(key string, now time.Time) (left int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.used) > 10_000 { // keys may be made up by strangers
		for k, u := range l.used {
			if l.rest(u, now) == 0 {
				delete(l.used, k)
			}
		}
	}
	n := l.rest(l.used[key], now)
	if ok = n+1 <= float64(l.perHour); ok {
		n++
	}
	l.used[key] = use{n: n, at: now}
	return int(float64(l.perHour) - n), ok
}

// rest is what of u is still used up.
func (l *Limiter) rest(u use, now time.Time) float64 {
	return max(0, u.n-now.Sub(u.at).Hours()*float64(l.perHour))
}

// slow refuses an address from which too much was tried by which somebody gets in.
func (p *Platform) slow(from string) error {
	if _, ok := p.guesses.Take(from, time.Now()); !ok {
		return cloister.Errorf(cloister.RateLimit, "Too many attempts to sign in. Please wait a minute and try again.")
	}
	return nil
}
