package server

import (
	"context"
	"log/slog"
	"time"
)

// insist does something that has to be done once, again and again until it succeeds or ctx is done. It complains once.
func insist(ctx context.Context, do func(context.Context) error, complaint string, log *slog.Logger) error {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		err := do(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if pause == time.Second {
			log.Warn(complaint, "err", err, "again", pause)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}
