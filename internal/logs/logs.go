package logs

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config says where lines are kept and how many.
type Config struct {
	Dir   string        // required; made if it is missing
	Key   []byte        // required, 16 bytes or more: the secrets of output streams are derived from it
	Lines int           // kept for each app; default 1500
	Bytes int           // of text kept for each app, whichever limit is met first; default 8 MiB
	Age   time.Duration // how long a line is kept; default 7 days
	Rate  int           // lines a second that are taken from one workload; default 10 000

	Spool int64 // bytes of lines kept for an app's drains; default 64 MiB

	OutputBytes int64         // kept of one output stream, its end rather than its beginning; default 300 MB
	OutputAge   time.Duration // how long a closed output stream is kept; default 30 days
}

func (c *Config) defaults() error {
	if c.Dir == "" {
		return errors.New("no directory")
	}
	if len(c.Key) < 16 {
		return errors.New("the key has fewer than 16 bytes")
	}
	or(&c.Lines, 1500)
	or(&c.Bytes, 8<<20)
	or(&c.Age, 7*24*time.Hour)
	or(&c.Rate, 10_000)
	or(&c.Spool, 64<<20)
	or(&c.OutputBytes, 300<<20)
	or(&c.OutputAge, 30*24*time.Hour)
	return nil
}

func or[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

const (
	flushAfter = 100 * time.Millisecond // a line is on its way to the file within this time
	flushBytes = 256 << 10              // or when so much waits
	sweepEvery = time.Hour
)

// Logs holds the streams of all apps. Its methods may be called from many goroutines.
type Logs struct {
	config Config
	log    *slog.Logger
	spools *spools
	stop   chan struct{} // closed by Close
	idle   chan struct{} // closed when the background work has ended

	mu      sync.Mutex
	streams map[string]*stream
	outputs map[string]*output // those that are not closed

	dirtyMu sync.Mutex
	dirty   []*stream
	wake    chan struct{}
}

// Open takes up the streams that are kept in a directory. Only one process at a time may have it open.
func Open(c Config, log *slog.Logger) (*Logs, error) {
	if err := c.defaults(); err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	for _, d := range []string{"apps", "sessions", "output"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("open logs: %w", err)
		}
	}
	spools, err := openSpools(filepath.Join(c.Dir, "spool"), c.Spool)
	if err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	l := &Logs{
		config: c, log: log, spools: spools, stop: make(chan struct{}), idle: make(chan struct{}),
		streams: map[string]*stream{}, outputs: map[string]*output{}, wake: make(chan struct{}, 1),
	}
	go l.run()
	return l, nil
}

// Close ends all readers and writes what is still in memory. Nothing may be written afterwards.
func (l *Logs) Close() error {
	close(l.stop)
	<-l.idle
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.outputs {
		o.suspend()
	}
	return nil
}

// Write adds a line to an app's stream. It does not wait for the disk or for readers.
func (l *Logs) Write(appID string, e Entry) { l.write(appID, e, "", false) }

// Note adds a line about an app's drains, which they do not get.
func (l *Logs) Note(appID, text string) {
	l.write(appID, Entry{Source: "heroku", Proc: "logplex", Text: text}, "", true)
}

// write adds e; workload says whose line it is, so that following it again goes on behind e.
func (l *Logs) write(appID string, e Entry, workload string, note bool) {
	if !isName(appID) {
		l.log.Error("log line had no app", "app", appID)
		return
	}
	if e = e.normal(); time.Since(e.At) > l.config.Age {
		return
	}
	for {
		s := l.stream(appID)
		full, ok := s.add(e, workload, note)
		if !ok {
			l.unload(s)
			continue
		}
		if full {
			s.flush()
		} else {
			l.soon(s)
		}
		return
	}
}

// Delete forgets an app's stream. Tails of it end.
func (l *Logs) Delete(appID string) error {
	if !isName(appID) {
		return nil
	}
	for {
		s := l.stream(appID)
		ok, err := s.delete()
		l.unload(s)
		if ok {
			return errors.Join(err, l.Keep(appID, nil))
		}
	}
}

// stream is the stream of an app, made or loaded when it is not there.
func (l *Logs) stream(appID string) *stream {
	l.mu.Lock()
	s, ok := l.streams[appID]
	if !ok {
		s = newStream(l, appID)
		l.streams[appID] = s
	}
	l.mu.Unlock()
	return s
}

// unload takes a stream that is gone out of the list, so that the next who asks gets a new one.
func (l *Logs) unload(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams[s.app] == s {
		delete(l.streams, s.app)
	}
}

// soon has s flushed within flushAfter.
func (l *Logs) soon(s *stream) {
	if !s.queued.CompareAndSwap(false, true) {
		return
	}
	l.dirtyMu.Lock()
	l.dirty = append(l.dirty, s)
	l.dirtyMu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// flush writes all that waits.
func (l *Logs) flush() {
	l.dirtyMu.Lock()
	dirty := l.dirty
	l.dirty = nil
	l.dirtyMu.Unlock()
	for _, s := range dirty {
		s.queued.Store(false)
		s.flush()
	}
}

// run does the work in the background: it flushes, and forgets what is too old.
func (l *Logs) run() {
	defer close(l.idle)
	defer l.flush()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-sweep.C:
			l.sweep(time.Now())
		case <-l.wake:
			select {
			case <-l.stop:
				return
			case <-time.After(flushAfter):
			}
			l.flush()
		}
	}
}

// isName reports whether an id is fit to name a file.
func isName(id string) bool {
	if id == "" || len(id) > 128 || id[0] == '.' {
		return false
	}
	for i := range len(id) {
		b := id[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_' || b == '.') {
			return false
		}
	}
	return true
}
