package api

import (
	"sync"
	"time"
)

// A limiter lets each key do so much an hour. What was used comes back evenly with time.
type limiter struct {
	perHour int

	mu   sync.Mutex
	used map[string]use
}

type use struct {
	n  float64   // of the hour's number
	at time.Time // when that was true
}

func newLimiter(perHour int) *limiter {
	return &limiter{perHour: perHour, used: map[string]use{}}
}

// take uses one for key, if there is one left, and tells how many are left then.
func (l *limiter) take(key string, now time.Time) (left int, ok bool) {
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
func (l *limiter) rest(u use, now time.Time) float64 {
	return max(0, u.n-now.Sub(u.at).Hours()*float64(l.perHour))
}
