package server

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/drain"
	"github.com/cloister-dev/cloister/internal/logs"
)

// A stream is where everything that apps' logs show comes together: the dynos' output, the platform's lines, the
// router's, and what people did through the API.
type stream struct {
	*logs.Logs
	*logs.Collector
	drains *drain.Drains
	log    *slog.Logger
}

// Platform writes a line as "heroku[web.1]: …".
func (s *stream) Platform(appID, proc string, at time.Time, text string) {
	s.Write(appID, logs.Entry{At: at, Source: "heroku", Proc: proc, Text: text})
}

// API writes a line as "app[api]: …".
func (s *stream) API(appID, text string) {
	s.Write(appID, logs.Entry{At: time.Now(), Source: "app", Proc: "api", Text: text})
}

// router writes a line as "heroku[router]: …".
func (s *stream) router(appID string, at time.Time, line string) {
	s.Write(appID, logs.Entry{At: at, Source: "heroku", Proc: "router", Text: strings.TrimSuffix(line, "\n")})
}

// Drains says where all lines of an app are sent from now on.
func (s *stream) Drains(appID string, drains []cloister.Drain) error {
	return s.drains.Set(appID, drains)
}

// Delete forgets an app's stream.
func (s *stream) Delete(appID string) {
	if err := errors.Join(s.drains.Set(appID, nil), s.Logs.Delete(appID)); err != nil {
		s.log.Warn("the log of a destroyed app is still there", "app", appID, "err", err)
	}
}

// Drained waits until all that an exited workload wrote is in the stream, but not for long.
func (s *stream) Drained(ctx context.Context, workload string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := s.Collector.Drain(ctx, workload); err != nil {
		s.log.Warn("the last lines of a dyno may be missing", "workload", workload, "err", err)
	}
}
