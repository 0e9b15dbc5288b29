package browser

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/drain"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/outside"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
	"github.com/cloister-dev/cloister/internal/web"
)

const (
	email    = "ada@example.com"
	password = "correct horse"
)

// A server is all of Cloister that a browser meets, with the team acme and its admin, Ada.
type server struct {
	t        *testing.T
	url      string
	web      http.Handler
	http     *http.Server
	store    *store.Store
	platform *platform.Platform
	logs     *logs.Logs
	ada      cloister.Actor
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{t: t}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	s.store, err = store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
	check(t, err)
	t.Cleanup(func() { s.store.Close() })
	s.logs, err = logs.Open(logs.Config{Dir: t.TempDir(), Key: make([]byte, 32)}, log)
	check(t, err)
	t.Cleanup(func() { s.logs.Close() })
	e := fake.New(fake.Config{Behave: func(engine.Workload) fake.Behaviour { return fake.Behaviour{Every: time.Second} }})
	collector := logs.NewCollector(s.logs, e, log)
	t.Cleanup(collector.Close)
	drains := drain.New(s.logs, outside.Config{Allowed: func(string, string, syscall.RawConn) error { return errors.New("there is no outside") }}, log)
	t.Cleanup(drains.Close)
	office := cloister.Network{Name: "office", Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.4.0/22")}, Spaces: []string{"acme"}}
	s.platform = platform.New(s.store, platform.Config{AppDomain: "apps.localhost", OutboundPool: netip.MustParsePrefix("198.51.100.0/24"),
		Networks: []cloister.Network{office}, Clients: s, Log: func(app, text string) {
			s.logs.Write(app, logs.Entry{At: time.Now(), Source: "app", Proc: "api", Text: text})
		}}, log)
	s.ada, err = s.platform.SetUp(t.Context(), platform.Setup{Email: email, Password: password, Team: "acme"})
	check(t, err)
	s.update(func(tx *store.Tx) error {
		return tx.PutStack(cloister.Stack{Name: "debian-12", RunImage: "sha256:a", BuildImage: "sha256:b", Default: true, CreatedAt: tx.Now})
	})
	c := control.New(s.store, e, nowhere{}, stream{s.logs, collector, drains}, nil, control.Config{Owner: "test", AppDomain: "apps.localhost",
		Networks: []cloister.Network{office}, Output: s.logs.Output}, log)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	s.web = web.New(s.platform, web.Config{Logs: shown{s.logs}, GitURL: "https://git.example/"}, log)
	s.up("127.0.0.1:0")
	t.Cleanup(s.down)
	return s
}

// up has the server answer at an address.
func (s *server) up(address string) {
	s.t.Helper()
	l, err := net.Listen("tcp", address)
	check(s.t, err)
	s.http = &http.Server{Handler: s.web}
	s.url = "http://" + l.Addr().String()
	go s.http.Serve(l)
}

// down has it answer no more, as while it is restarted.
func (s *server) down() { s.http.Close() }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) update(fn func(*store.Tx) error) {
	s.t.Helper()
	check(s.t, s.store.Update(s.t.Context(), fn))
}

// Recent are the clients that were seen of late, at every space.
func (s *server) Recent(string) []cloister.Client {
	now := time.Now()
	return []cloister.Client{{Address: netip.MustParseAddr("203.0.113.7"), Requests: 41, First: now.Add(-3 * time.Hour), Last: now.Add(-2 * time.Minute)}}
}

// deploy releases a slug with these commands, as a push would, and records the build that made it.
func (s *server) deploy(app string, commands map[string]string) {
	s.t.Helper()
	info, err := s.platform.App(s.t.Context(), s.ada, app)
	check(s.t, err)
	slug := cloister.Slug{ID: cloister.NewID(), AppID: info.ID, Commit: "3f2a9c1d7b", Stack: "debian-12", Size: 23 << 20, Image: "sha256:c", Detected: "Go", ProcessTypes: commands}
	b := cloister.Build{ID: cloister.NewID(), AppID: info.ID, UserID: s.ada.User.ID, UserEmail: email, Status: cloister.BuildSucceeded, Version: slug.Commit, Stack: "debian-12", SlugID: slug.ID}
	s.update(func(tx *store.Tx) error {
		slug.CreatedAt, slug.UpdatedAt, b.CreatedAt, b.UpdatedAt = tx.Now, tx.Now, tx.Now, tx.Now
		if err := tx.InsertSlug(slug); err != nil {
			return err
		}
		return tx.InsertBuild(b)
	})
	out := s.logs.Output(b.ID)
	io.WriteString(out, "-----> Go app detected\n-----> Fetching go1.26.8\n-----> Compiling...\n-----> Discovering process types\n       Procfile declares types -> web, worker\n-----> Done: 23M\n")
	check(s.t, out.Close())
	_, _, err = s.platform.ReleaseSlug(s.t.Context(), s.ada, app, slug.ID, "")
	check(s.t, err)
}

// scale gives quiet-garth so many dynos of a process type.
func (s *server) scale(typ string, n int) {
	s.t.Helper()
	_, _, err := s.platform.Scale(s.t.Context(), s.ada, "quiet-garth", []platform.Scaling{{Type: typ, Quantity: &n}})
	check(s.t, err)
}

// nowhere is a router that lets nobody through.
type nowhere struct{}

func (nowhere) Publish(cloister.Routes)            {}
func (nowhere) Drained(netip.AddrPort, int64) bool { return true }

// stream is where all of an app's lines come together.
type stream struct {
	*logs.Logs
	*logs.Collector
	drains *drain.Drains
}

func (s stream) Platform(app, proc string, at time.Time, text string) {
	s.Write(app, logs.Entry{At: at, Source: "heroku", Proc: proc, Text: text})
}
func (s stream) Drains(app string, drains []cloister.Drain) error { return s.drains.Set(app, drains) }
func (s stream) Delete(app string)                                { s.Logs.Delete(app) }
func (s stream) Drained(ctx context.Context, workload string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s.Drain(ctx, workload)
}

// shown are logs as pages show them.
type shown struct{ logs *logs.Logs }

func (s shown) Lines(ctx context.Context, app string, ask web.LineFilter, n int, follow bool, after int64) iter.Seq2[int64, web.Line] {
	return func(yield func(int64, web.Line) bool) {
		for id, e := range s.logs.Read(ctx, app, logs.Filter{Dyno: ask.Dyno, Source: ask.Source}, n, follow, after) {
			if !yield(id, web.Line{At: e.At, Source: e.Source, Proc: e.Proc, Text: e.Text}) {
				return
			}
		}
	}
}

func (s shown) Output(ctx context.Context, id string, follow bool, w io.Writer) error {
	return s.logs.CopyOutput(ctx, id, w)
}

// artefacts is where screenshots are left: those of a test that failed, or all of them if CLOISTER_SCREENSHOTS names a directory.
func artefacts(t *testing.T) (dir string, always bool) {
	if dir := os.Getenv("CLOISTER_SCREENSHOTS"); dir != "" {
		return dir, true
	}
	return t.ArtifactDir(), false
}
