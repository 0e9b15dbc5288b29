package logs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// sweep forgets lines, sessions and outputs that are too old, and takes streams that nobody uses out of memory.
func (l *Logs) sweep(now time.Time) {
	oldest := now.Add(-l.config.Age)
	l.mu.Lock()
	streams := make([]*stream, 0, len(l.streams))
	for _, s := range l.streams {
		streams = append(streams, s)
	}
	l.mu.Unlock()
	for _, s := range streams {
		if s.expire(oldest, now.Add(-sweepEvery)) {
			l.unload(s)
		}
	}
	l.sweepFiles("apps", oldest, func(path string) error {
		app, _, _ := strings.Cut(filepath.Base(path), ".log")
		l.mu.Lock()
		defer l.mu.Unlock()
		if _, inUse := l.streams[app]; inUse {
			return nil // it expires by itself, above
		}
		return os.Remove(path)
	})
	l.sweepFiles("sessions", now.Add(-sessionIdle), os.Remove)
	l.sweepFiles("output", now.Add(-l.config.OutputAge), func(path string) error {
		if _, err := os.Stat(filepath.Join(path, closedMark)); err != nil {
			return nil // still written to
		}
		return os.RemoveAll(path)
	})
}

// sweepFiles calls remove for everything in a directory that was not touched since oldest.
func (l *Logs) sweepFiles(dir string, oldest time.Time, remove func(path string) error) {
	dir = filepath.Join(l.config.Dir, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		l.log.Error("old logs were not found", "dir", dir, "error", err)
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.ModTime().Before(oldest) {
			continue
		}
		if err := remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.log.Error("old log was not removed", "path", e.Name(), "error", err)
		}
	}
}
