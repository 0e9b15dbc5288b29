package simulation

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// A server is the product without its edges: no sockets, no processes.
type server struct {
	store    *store.Store
	fake     *fake.Engine
	engine   *watchedEngine // the fake, watched
	router   *router
	platform *platform.Platform
	actor    cloister.Actor

	// broken are the releases, "app/v3", whose web dynos never come up. Workers are up as soon as they run, so one
	// that breaks later has a fault that no rollout can foresee.
	broken  sync.Map
	lost    lostZones
	control *control.Control
	cancel  context.CancelFunc
	ended   chan error
}

// newServer makes an installation with one team, and starts it.
func newServer(t *testing.T, sabotage string) (*server, error) {
	st, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
	if err != nil {
		return nil, err
	}
	s := &server{store: st, router: newRouter()}
	s.router.deaf = sabotage == "the router takes no tables"
	s.router.hasty = sabotage == "nobody waits for requests"
	s.fake = fake.New(fake.Config{Behave: s.behave, Exec: untilHungUp})
	s.engine = &watchedEngine{Engine: saboteur{s.fake, sabotage}, router: s.router, store: st, unnamed: map[string]time.Time{}, failed: map[string]period{}}
	quiet := slog.New(slog.DiscardHandler)
	s.platform = platform.New(st, platform.Config{AppDomain: "apps.localhost"}, quiet)
	s.control = control.New(st, s.engine, s.router, silence{}, nil, control.Config{Owner: "server", AppDomain: "apps.localhost"}, quiet)
	if err := st.Update(t.Context(), s.seed); err != nil {
		st.Close()
		return nil, err
	}
	s.start()
	return s, nil
}

// seed writes the first user and team, without the price of a password.
func (s *server) seed(tx *store.Tx) error {
	u := cloister.User{ID: cloister.NewID(), Email: "ada@example.com", Operator: true, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	team := cloister.Team{ID: cloister.NewID(), Name: "acme", CreatedAt: tx.Now, UpdatedAt: tx.Now}
	s.actor = cloister.Actor{User: u}
	if err := tx.InsertUser(u); err != nil {
		return err
	}
	if err := tx.InsertTeam(team); err != nil {
		return err
	}
	if err := tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: team.ID, UserID: u.ID, Role: cloister.Admin,
		CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
		return err
	}
	return tx.PutStack(cloister.Stack{Name: "debian-12", Default: true, CreatedAt: tx.Now})
}

// start runs control until stop.
func (s *server) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.ended = cancel, make(chan error, 1)
	go func() { s.ended <- s.control.Run(ctx) }()
}

// stop ends control. That it was stopped before it had quite begun is no failure.
func (s *server) stop() error {
	s.cancel()
	if err := <-s.ended; !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// restart ends our process in the middle of what it does, and begins another life with nothing in memory.
func (s *server) restart() error {
	err := s.stop()
	s.router.reset()
	s.control = control.New(s.store, s.engine, s.router, silence{}, nil,
		control.Config{Owner: "server", AppDomain: "apps.localhost"}, slog.New(slog.DiscardHandler))
	s.start()
	return err
}

func (s *server) close() error {
	err := s.stop()
	s.store.Close()
	return err
}

// behave gives each dyno delays of its own, which depend on its name and release alone.
func (s *server) behave(w engine.Workload) fake.Behaviour {
	h := fnv.New32a()
	fmt.Fprint(h, w.Env["HEROKU_APP_NAME"], w.Labels)
	n := h.Sum32()
	b := fake.Behaviour{
		Start:    time.Duration(n%7) * 300 * time.Millisecond,
		Listen:   time.Duration(n/7%40) * time.Second,
		Stop:     time.Duration(n/280%25) * time.Second,
		Stubborn: n/7000%4 == 0,
	}
	if strings.HasPrefix(w.Labels["dyno"], "release.") {
		b.Ends, b.After = true, time.Duration(n%90)*time.Second
		fmt.Sscanf(w.Command[len(w.Command)-1], "migrate %d", &b.Status)
	}
	if _, broken := s.broken.Load(w.Env["HEROKU_APP_NAME"] + "/v" + w.Labels["release"]); broken && w.Port > 0 {
		if b.Deaf = n%2 == 0; !b.Deaf {
			b.Listen, b.Ends, b.After, b.Status = time.Hour, true, time.Second, 1
		}
	}
	return b
}

// deploy releases new code of an app, with a web and a worker process, and a release command if there is one.
func (s *server) deploy(ctx context.Context, app string, broken bool, command string) error {
	slug := cloister.Slug{ID: cloister.NewID(), Stack: "debian-12", Image: "sha256:fake",
		ProcessTypes: map[string]string{"web": "serve", "worker": "work"}, Size: 1}
	if command != "" {
		slug.ProcessTypes[cloister.ReleaseType] = command
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		a, err := tx.App(app)
		if err != nil {
			return err
		}
		last, err := tx.LastVersion(a.ID)
		if err != nil {
			return err
		}
		if release := fmt.Sprintf("%s/v%d", app, last+1); broken {
			s.broken.Store(release, true)
		} else {
			s.broken.Delete(release) // an app of the same name was destroyed
		}
		slug.AppID, slug.CreatedAt, slug.UpdatedAt = a.ID, tx.Now, tx.Now
		return tx.InsertSlug(slug)
	})
	if err != nil {
		return err
	}
	_, _, err = s.platform.ReleaseSlug(ctx, s.actor, app, slug.ID, "")
	return err
}

// untilHungUp is what a one-off dyno does that a client is attached to.
func untilHungUp(ctx context.Context, _ engine.Workload, _ engine.Process, t engine.Terminal) (int, error) {
	select {
	case <-t.Hangup:
		return 129, nil
	case <-ctx.Done():
		return 137, ctx.Err()
	}
}

// run runs a one-off dyno: detached, or attached to a client who comes for a while, or never.
func (s *server) run(ctx context.Context, app string, n int) error {
	_, _, t, err := s.platform.Run(ctx, s.actor, app, platform.RunSpec{Command: "fake wait", Attach: n%3 > 0, TimeToLive: 60 * (n + 1)})
	if err != nil || n%3 == 0 {
		return err
	}
	secret := s.control.Sessions().Offer(t)
	if n%3 == 1 {
		return nil
	}
	session, ok := s.control.Sessions().Claim(secret)
	if !ok {
		return errors.New("a secret does not work")
	}
	go func() {
		client, hangUp := context.WithTimeout(context.Background(), time.Duration(n)*10*time.Second)
		defer hangUp()
		session.Run(client, engine.Terminal{Began: func() {}}) // an error is the engine's, or the client's own
	}()
	return nil
}

// silence is a log that nobody reads.
type silence struct{}

func (silence) Platform(string, string, time.Time, string) {}
func (silence) Ensure(string, string, string)              {}
func (silence) Drains(string, []cloister.Drain) error      { return nil }
func (silence) Drained(context.Context, string)            {}
func (silence) Delete(string)                              {}
