package platform

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestALimitComesBackEvenly(t *testing.T) {
	l, now := NewLimiter(60), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 60 {
		if left, ok := l.Take("a", now); !ok || left != 59-i {
			t.Fatalf("%d: %d left, %v", i, left, ok)
		}
	}
	if _, ok := l.Take("a", now); ok {
		t.Error("a sixty-first was let through")
	}
	if _, ok := l.Take("b", now); !ok {
		t.Error("another key was refused")
	}
	if _, ok := l.Take("a", now.Add(59*time.Second)); ok {
		t.Error("one has come back too early")
	}
	if left, ok := l.Take("a", now.Add(2*time.Minute)); !ok || left != 1 {
		t.Errorf("after two minutes: %d left, %v", left, ok)
	}
}

func TestALimitForgetsWhoseTimeIsOver(t *testing.T) {
	l, now := NewLimiter(60), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 10_002 {
		l.Take(fmt.Sprint(i), now)
	}
	l.Take("a", now.Add(time.Hour))
	if n := len(l.used); n != 1 {
		t.Errorf("%d keys are remembered", n)
	}
}

func TestOneAddressMayTryToSignInOnlySoOften(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := New(s, Config{}, slog.New(slog.DiscardHandler))
	p.guesses = NewLimiter(2)
	for i, want := range []cloister.Kind{cloister.Unauthorized, cloister.Unauthorized, cloister.RateLimit, cloister.RateLimit} {
		if _, err := p.SignIn(t.Context(), "192.0.2.1", "ada@example.com", "wrong", ""); cloister.KindOf(err) != want {
			t.Errorf("attempt %d: %v", i+1, err)
		}
	}
	if _, err := p.SignIn(t.Context(), "192.0.2.2", "ada@example.com", "wrong", ""); cloister.KindOf(err) != cloister.Unauthorized {
		t.Errorf("from another address: %v", err)
	}
}
