package control

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// Sessions are the commands that clients are attached to, or may come to attach to: each is offered once, for a secret
// that works once. They live in memory: a session ends with the process that carries it.
type Sessions struct {
	store  *store.Store
	engine engine.Engine
	logs   Log
	log    *slog.Logger

	mu     sync.Mutex
	quit   chan struct{} // closed when this life of control ends
	offers map[[sha256.Size]byte]*Session
	byID   map[string]*Session
}

// NewSessions returns Sessions without one.
func NewSessions(s *store.Store, e engine.Engine, logs Log, log *slog.Logger) *Sessions {
	return &Sessions{store: s, engine: e, logs: logs, log: log, quit: make(chan struct{}),
		offers: map[[sha256.Size]byte]*Session{}, byID: map[string]*Session{}}
}

// begin begins a life of control, at whose end all sessions end.
func (a *Sessions) begin() (end func()) {
	quit := make(chan struct{})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.quit = quit
	return func() { close(quit) }
}

// A Session is one command and the client that is attached to it.
type Session struct {
	cloister.Terminal
	all    *Sessions
	resize chan engine.Window

	runs  chan struct{} // closed when the dyno runs
	ended chan struct{} // closed when it is gone
	state plan.Session  // guarded by all.mu
}

// Offer makes a session, for whoever shows the secret in time.
func (a *Sessions) Offer(t cloister.Terminal) cloister.Secret {
	secret := cloister.NewToken()
	key := sha256.Sum256([]byte(secret.Reveal()))
	s := &Session{Terminal: t, all: a, resize: make(chan engine.Window, 1), runs: make(chan struct{}), ended: make(chan struct{}),
		state: plan.Session{Known: true}}
	if t.Inside {
		close(s.runs)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.offers[key], a.byID[t.ID] = s, s
	time.AfterFunc(cloister.AttachWithin, func() {
		a.mu.Lock()
		unclaimed := a.offers[key] != nil
		delete(a.offers, key)
		a.mu.Unlock()
		if unclaimed {
			s.over(0)
		}
	})
	return secret
}

// Claim takes the session that a secret is for. A secret works once.
func (a *Sessions) Claim(secret cloister.Secret) (*Session, bool) {
	key := sha256.Sum256([]byte(secret.Reveal()))
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.offers[key]
	delete(a.offers, key)
	if ok {
		s.state.Here = true
	}
	return s, ok
}

// Resize sets the window of a session of an app, by its id. It reports whether there is such a session.
func (a *Sessions) Resize(appID, id string, columns, lines int) bool {
	a.mu.Lock()
	s, ok := a.byID[id]
	a.mu.Unlock()
	if !ok || s.Dyno.AppID != appID {
		return false
	}
	w := engine.Window{Columns: uint16(columns), Rows: uint16(lines)}
	for {
		select {
		case s.resize <- w:
			return true
		default:
		}
		select { // the newest counts
		case <-s.resize:
		default:
		}
	}
}

// state is what plans are made of.
func (a *Sessions) state(id string) plan.Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.byID[id]; ok {
		return s.state
	}
	return plan.Session{}
}

// ready says that a dyno runs. It may be said again.
func (a *Sessions) ready(id string) { a.close(id, func(s *Session) chan struct{} { return s.runs }) }

// end says that a dyno is gone. It may be said again.
func (a *Sessions) end(id string) {
	a.close(id, func(s *Session) chan struct{} { return s.ended })
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byID, id)
}

func (a *Sessions) close(id string, which func(*Session) chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.byID[id]
	if !ok {
		return
	}
	select {
	case <-which(s):
	default:
		close(which(s))
	}
}

// HasTTY reports whether the command has a terminal.
func (s *Session) HasTTY() bool { return s.TTY }

// note changes the state of a session. Its one-off dyno is to be looked at then.
func (s *Session) note(change func(*plan.Session)) {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	change(&s.state)
}

// touch has the one-off dyno looked at.
func (s *Session) touch() {
	if s.Inside {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.all.store.Update(ctx, func(tx *store.Tx) error { return tx.Touch("run", s.ID) }); err != nil {
		s.all.log.Warn("a one-off dyno is looked at later", "dyno", s.Dyno.Name(), "err", err)
	}
}

func (s *Session) over(exit int) {
	s.note(func(p *plan.Session) { p.Over, p.Exit = true, exit })
	s.touch()
	if s.Inside {
		s.all.end(s.ID)
	}
}

// How a command whose client has gone is ended (heroku-behaviours 3.3).
const (
	bootPatience = 2 * time.Minute // until the dyno runs
	hangupEvery  = 5 * time.Second
	hangupGrace  = 30 * time.Second // from the first SIGHUP to SIGKILL (R16)
)

// Run runs the command on t, whose Began is called when it really runs, and returns its exit status when it has ended
// and all its output was written. When ctx is done the client has gone: the command gets SIGHUP, again and again, and at last SIGKILL.
func (s *Session) Run(ctx context.Context, t engine.Terminal) (exit int, err error) {
	defer func() { s.over(exit) }()
	s.all.mu.Lock()
	quit := s.all.quit
	s.all.mu.Unlock()
	late := time.NewTimer(bootPatience)
	defer late.Stop()
	select {
	case <-s.runs:
	case <-s.ended:
		return 0, cloister.Errorf(cloister.Conflict, "The dyno was stopped.")
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-quit:
		return 0, restarting()
	case <-late.C:
		return 0, cloister.Errorf(cloister.Unavailable, "The dyno did not start within %d seconds. Try again.", int(bootPatience.Seconds()))
	}
	own, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	hangup := make(chan struct{})
	var watch sync.WaitGroup
	began := t.Began
	t.Began = func() {
		began()
		s.note(func(p *plan.Session) { p.Up = true })
		watch.Go(s.touch) // its output need not wait for that
	}
	t.TTY, t.Window = s.TTY, engine.Window{Columns: uint16(s.Columns), Rows: uint16(s.Lines)}
	t.Resize, t.Hangup = s.resize, hangup
	watch.Go(func() { s.watch(ctx, own, quit, hangup, kill) })
	env := map[string]string{}
	for k, v := range s.Env {
		env[k] = v.Reveal()
	}
	process := engine.Process{Command: build.DynoCommand(s.Command), Env: env, Dir: "/app"}
	if s.Dial != "" {
		process = engine.Process{Dial: s.Dial}
	}
	exit, err = s.all.engine.Exec(own, s.Dyno.ID, process, t)
	cut := own.Err() != nil
	kill()
	watch.Wait()
	select {
	case <-quit:
		return 0, restarting()
	default:
	}
	switch {
	case cut:
		return 137, nil
	case err != nil:
		s.all.log.Warn("a session ended early", "dyno", s.Dyno.Name(), "err", err)
		return 137, cloister.Errorf(cloister.Unavailable, "The connection to the dyno was lost.")
	}
	return exit, nil
}

func restarting() error {
	return cloister.Errorf(cloister.Unavailable, "The platform is restarting, and ends this session.")
}

// watch ends the command when its client has gone, or we end.
func (s *Session) watch(client, command context.Context, quit <-chan struct{}, hangup chan<- struct{}, kill func()) {
	select {
	case <-command.Done():
		return
	case <-quit:
		kill()
		return
	case <-client.Done():
	}
	if s.Dial != "" { // nothing that could hang up, and nobody who wants to know
		kill()
		return
	}
	s.say("Client connection closed. Sending SIGHUP to all processes")
	again := time.NewTicker(hangupEvery)
	defer again.Stop()
	grace := time.NewTimer(hangupGrace)
	defer grace.Stop()
	send := hangup // at once, and then with each tick
	for {
		select {
		case <-command.Done():
			return
		case send <- struct{}{}:
			send = nil
		case <-again.C:
			send = hangup
		case <-quit:
			kill()
			return
		case <-grace.C:
			s.say("Error R16 (Detached) -> An attached process is not responding to SIGHUP after its external connection was closed")
			s.say("Stopping remaining processes with SIGKILL")
			kill()
			return
		}
	}
}

func (s *Session) say(text string) {
	s.all.logs.Platform(s.Dyno.AppID, s.Dyno.Name(), time.Now(), text)
}
