package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestInsistTriesUntilItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		start, tries := time.Now(), 0
		insist(t.Context(), func(context.Context) error {
			if tries++; tries < 10 {
				return errors.New("not yet")
			}
			return nil
		}, "it is not done", slog.New(slog.NewTextHandler(&out, nil)))
		if tries != 10 || time.Since(start) > 5*time.Minute {
			t.Errorf("%d tries in %s", tries, time.Since(start))
		}
		if n := strings.Count(out.String(), "it is not done"); n != 1 {
			t.Errorf("complained %d times", n)
		}
	})
}

func TestInsistGivesUpAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		insist(ctx, func(context.Context) error { return errors.New("never") }, "never", slog.New(slog.DiscardHandler))
		if time.Since(start) != 10*time.Second {
			t.Errorf("gave up after %s", time.Since(start))
		}
	})
}
