package api

import (
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
)

// tickets let whoever has one fetch something, for a while: addresses are fetched without credentials. They live in memory:
// whoever wants something while control is restarted asks again.
type tickets[T any] struct {
	mu  sync.Mutex
	all map[string]issued[T]
}

type issued[T any] struct {
	what T
	ends time.Time
}

// issue makes a ticket, and forgets those that are over.
func (t *tickets[T]) issue(what T, life time.Duration, now time.Time) cloister.Secret {
	secret := cloister.NewToken()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[string]issued[T]{}
	}
	for k, old := range t.all {
		if now.After(old.ends) {
			delete(t.all, k)
		}
	}
	t.all[secret.Reveal()] = issued[T]{what, now.Add(life)}
	return secret
}

// find is what a ticket is for.
func (t *tickets[T]) find(secret string, now time.Time) (T, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.all[secret]
	return x.what, ok && now.Before(x.ends)
}
