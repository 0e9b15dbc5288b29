package server

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/api"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/remote"
	"github.com/cloister-dev/cloister/internal/gitd"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/router"
	"github.com/cloister-dev/cloister/internal/store"
)

// How big an uploaded source may be (heroku-behaviours 5.1), and how long it is kept.
const (
	maxSource = 1 << 30
	sourceAge = 24 * time.Hour
)

// RunControl runs the part that decides: API, git, the work loop, and the store, on the engine of the node process.
func RunControl(ctx context.Context, c Config, log *slog.Logger) error {
	return runControl(ctx, c, remote.Dial(c.nodeSocket()), log)
}

func runControl(ctx context.Context, c Config, e engine.Engine, log *slog.Logger) error {
	keys, err := openKeys(filepath.Join(c.controlDir(), "key"))
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{DSN: c.database(), Key: keys.derive("store")})
	if err != nil {
		return err
	}
	defer s.Close()
	lines, err := logs.Open(logs.Config{Dir: filepath.Join(c.controlDir(), "logs"), Key: keys.derive("logs")}, log)
	if err != nil {
		return err
	}
	defer lines.Close()
	collector := logs.NewCollector(lines, e, log)
	defer collector.Close()
	stream := &stream{Logs: lines, Collector: collector, log: log}

	ca, err := openAuthority(c.controlDir(), c.caFile(), append(c.names(), c.AppDomain), c.addresses(), time.Now())
	if err != nil {
		return err
	}
	own, err := ca.issue(time.Now(), append(c.names(), addressNames(c.addresses())...)...)
	if err != nil {
		return err
	}
	wildcard, err := ca.issue(time.Now(), "*."+c.AppDomain, c.AppDomain)
	if err != nil {
		return err
	}
	pool, _ := netip.ParsePrefix(c.OutboundPool)
	p := platform.New(s, platform.Config{AppDomain: c.AppDomain, OutboundPool: pool, Log: stream.API}, log)
	if err := firstStart(ctx, c, s, p, log); err != nil {
		return err
	}

	feed := router.NewFeed(log)
	feed.OnLine = stream.router
	images, err := build.OpenStore(c.imagesDir())
	if err != nil {
		return err
	}
	builder := build.New(e, images, build.Config{CABundle: c.caBundle(), Env: c.buildEnv(os.Environ())}, log)
	kept, err := build.OpenSources(filepath.Join(c.controlDir(), "sources"), maxSource, sourceAge)
	if err != nil {
		return err
	}
	sources := uploads{kept}
	web := webAddress(c)
	builds := control.NewBuilds(s, builder, control.BuildConfig{AtOnce: buildsAtOnce(), Open: opener(sources), Output: lines.Output,
		Say: stream.API, URL: func(a cloister.App) string { return web(a.Host(c.AppDomain)) }}, log)
	git, err := gitd.New(gitd.Config{Dir: filepath.Join(c.controlDir(), "git"), Hook: hookBinary(c), Sockets: filepath.Join(c.Run, "control", "git")},
		&pushes{platform: p, store: s, sources: sources, logs: lines}, log)
	if err != nil {
		return err
	}
	defer git.Close()
	ctl := control.New(s, e, feed, stream, builds, control.Config{Owner: "control", AppDomain: c.AppDomain, Balancers: c.balancers(),
		Certificates: []cloister.Certificate{wildcard}, Forget: git.Delete}, log)
	handler := &front{git: git, streams: lines.Handler(), sources: sources,
		api: api.New(api.Config{WebPort: portOf(c.HTTP), GitURL: "https://" + loopback(c.Listen) + "/"}, p,
			api.Beside{Logs: lines, Sources: sources, Caches: builder, Health: &health{engine: e}, CheckBuildpack: build.CheckBuildpack}, log)}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ctl.Run(ctx) })
	group.Go(func() error { return serveAPI(ctx, c, own, handler) })
	group.Go(func() error { return serveFeed(ctx, c, feed) })
	group.Go(func() error { return (&admin{config: c, store: s, platform: p}).serve(ctx) })
	group.Go(func() error { return (&housekeeper{store: s, images: images, sources: sources, log: log}).run(ctx) })
	group.Go(func() error {
		if err := builder.Sweep(ctx); err != nil {
			log.Warn("what builds left behind is still there", "err", err)
		}
		return nil
	})
	log.Info("control started", "listen", c.Listen)
	return group.Wait()
}

// hookBinary is the binary that git runs as its hook: the copy that control's user can reach, or this very one.
func hookBinary(c Config) string {
	if _, err := os.Stat(c.binary()); err == nil {
		return c.binary()
	}
	self, err := os.Executable()
	if err != nil {
		return c.binary()
	}
	return self
}

// A front sends a request to the part that its path belongs to. App names cannot end in ".git" and have no dots, so no
// path of the API looks like a repository's.
type front struct {
	git, streams, sources, api http.Handler
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case gitd.Match(r):
		f.git.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/streams/"):
		f.streams.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/sources/"):
		f.sources.ServeHTTP(w, r)
	default:
		f.api.ServeHTTP(w, r)
	}
}

// serveAPI serves plain HTTP and TLS on the port of the API until ctx is done.
func serveAPI(ctx context.Context, c Config, cert cloister.Certificate, h http.Handler) error {
	l, err := inherited(0, c.Listen)
	if err != nil {
		return fmt.Errorf("listen for the API: %w", err)
	}
	pair, err := tls.X509KeyPair(cert.Chain, cert.Key)
	if err != nil {
		return err
	}
	plain, secure := sniff(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	// No write timeout: logs are followed and pushes built for as long as it takes.
	s := &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	group := errgroup.Group{}
	group.Go(func() error { return s.Serve(plain) })
	group.Go(func() error { return s.Serve(secure) })
	stop := context.AfterFunc(ctx, func() {
		patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if s.Shutdown(patience) != nil {
			s.Close()
		}
	})
	defer stop()
	if err := group.Wait(); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		return err
	}
	return nil
}

// serveFeed gives the router its table, on a socket that only the router's user and root may use.
func serveFeed(ctx context.Context, c Config, feed http.Handler) error {
	os.Remove(c.feedSocket())
	l, err := net.Listen("unix", c.feedSocket())
	if err != nil {
		return fmt.Errorf("listen for the router: %w", err)
	}
	if err := os.Chmod(c.feedSocket(), 0o666); err != nil { // who it is, the kernel tells
		return err
	}
	s := &http.Server{Handler: feed, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(only{l, []int{0, c.RouterUID, os.Getuid()}}); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// firstStart makes the first administrator and their team, who then log in through root (see admin).
func firstStart(ctx context.Context, c Config, s *store.Store, p *platform.Platform, log *slog.Logger) error {
	var users []cloister.User
	if err := s.View(ctx, func(tx *store.Tx) (err error) {
		users, err = tx.Users()
		return err
	}); err != nil || len(users) > 0 {
		return err
	}
	// Nobody knows this password. `cloister login -i` works once a password is set.
	_, err := p.SetUp(ctx, platform.Setup{Email: c.AdminEmail, Password: cloister.NewToken(), Team: c.AdminTeam})
	if err == nil {
		log.Info("first administrator made", "email", c.AdminEmail, "team", c.AdminTeam)
	}
	return err
}

// A keyring is the one secret of the installation, of which others are derived.
type keyring []byte

// openKeys reads the key file, or makes it.
func openKeys(path string) (keyring, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		key = make([]byte, 32)
		rand.Read(key)
		err = os.WriteFile(path, key, 0o600)
	}
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("%s has %d bytes instead of 32", path, len(key))
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return key, nil
}

func (k keyring) derive(purpose string) []byte {
	out, err := hkdf.Key(sha256.New, k, nil, "cloister "+purpose, 32)
	if err != nil {
		panic(err) // only lengths that are constants here can be wrong
	}
	return out
}
