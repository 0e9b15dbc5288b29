package logs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

// Follow takes the lines of a workload into its app's stream, as those of proc, until the workload's log ends or ctx
// is done. It goes on behind the last line that it took before, in this process or an earlier one. More lines than
// Config.Rate in a second are counted rather than kept, as are those that the engine forgot before they were read, and
// an L10 line tells how many.
func (l *Logs) Follow(ctx context.Context, e engine.Engine, workloadID, appID, proc string) error {
	if !isName(workloadID) || !isName(appID) {
		return fmt.Errorf("follow logs: bad id %q or %q", workloadID, appID)
	}
	m := meter{rate: l.config.Rate, told: func(n int, since time.Time) {
		l.Write(appID, Entry{At: since, Source: "heroku", Proc: "logplex", Text: fmt.Sprintf(
			"Error L10 (output buffer overflow): %d messages dropped since %s. %s writes more than %d lines a second.",
			n, since.UTC().Format(stamp), proc, l.config.Rate)})
	}}
	defer m.tell()
	for line, err := range e.Logs(ctx, workloadID, l.mark(appID, workloadID)) {
		if err != nil {
			return fmt.Errorf("follow logs of %s: %w", workloadID, err)
		}
		if m.begins(line.At) {
			m.tell()
		}
		m.drop(line.Dropped, line.At)
		if m.admits(line.At) {
			l.write(appID, Entry{At: line.At, Source: "app", Proc: proc, Text: line.Text}, workloadID, false)
		}
	}
	return ctx.Err()
}

// mark is the time of the last line that was taken from a workload; zero if there was none.
func (l *Logs) mark(appID, workloadID string) time.Time {
	for {
		s := l.stream(appID)
		if at, ok := s.mark(workloadID); ok {
			return at
		}
		l.unload(s)
	}
}

// forget says that a workload will never be followed again.
func (l *Logs) forget(appID, workloadID string) {
	for {
		s := l.stream(appID)
		if s.forget(workloadID) {
			l.soon(s)
			return
		}
		l.unload(s)
	}
}

// A meter counts the lines of each second. It goes by the times of the lines, so that reading a log again keeps and
// drops the same ones.
type meter struct {
	rate   int
	told   func(dropped int, since time.Time)
	second int64
	lines  int

	mu      sync.Mutex // guards what a timer reads too
	dropped int
	since   time.Time
}

// begins reports whether a line at this time is the first of another second, which it then counts for.
func (m *meter) begins(at time.Time) bool {
	if at.Unix() == m.second {
		return false
	}
	m.second, m.lines = at.Unix(), 0
	return true
}

// admits counts a line and reports whether it is one too many. That is told within a second, whether another line comes
// or not.
func (m *meter) admits(at time.Time) bool {
	if m.lines++; m.lines <= m.rate {
		return true
	}
	m.drop(1, at)
	return false
}

// drop counts lines that are not kept.
func (m *meter) drop(n int, at time.Time) {
	if n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dropped == 0 {
		m.since = at
		time.AfterFunc(time.Second, m.tell)
	}
	m.dropped += n
}

// tell tells how many lines were dropped since when, if any were, and begins to count anew.
func (m *meter) tell() {
	m.mu.Lock()
	n, since := m.dropped, m.since
	m.dropped = 0
	m.mu.Unlock()
	if n > 0 {
		m.told(n, since)
	}
}
