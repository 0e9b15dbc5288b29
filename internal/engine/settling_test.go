package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheEndWaitsForTheClientButNotForEver(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(s *Settling, cancel func())
		want time.Duration
	}{
		"nothing comes":        {func(s *Settling, _ func()) { s.Began() }, SettleFor},
		"it has run for a bit": {func(s *Settling, _ func()) { s.Began(); time.Sleep(100 * time.Millisecond) }, SettleFor - 100*time.Millisecond},
		"it has run for long":  {func(s *Settling, _ func()) { s.Began(); time.Sleep(time.Hour) }, 0},
		"something has come":   {func(s *Settling, _ func()) { s.Began(); s.Heard(); s.Heard() }, 0},
		"something comes": {func(s *Settling, _ func()) {
			s.Began()
			go func() { time.Sleep(50 * time.Millisecond); s.Heard() }()
		}, 50 * time.Millisecond},
		"the client goes": {func(s *Settling, cancel func()) {
			s.Began()
			go func() { time.Sleep(70 * time.Millisecond); cancel() }()
		}, 70 * time.Millisecond},
		"it never began": {func(*Settling, func()) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := NewSettling(0)
				c.do(s, cancel)
				start := time.Now()
				s.Wait(ctx)
				if got := time.Since(start); got != c.want {
					t.Errorf("it waited %s, not %s", got, c.want)
				}
			})
		})
	}
}
