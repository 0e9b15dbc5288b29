package server

import (
	"context"
	"crypto/ed25519"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/api"
	"github.com/cloister-dev/cloister/internal/attach"
	"github.com/cloister-dev/cloister/internal/backup"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/drain"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/remote"
	"github.com/cloister-dev/cloister/internal/gitd"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/metrics"
	"github.com/cloister-dev/cloister/internal/outside"
	"github.com/cloister-dev/cloister/internal/partner"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/router"
	"github.com/cloister-dev/cloister/internal/sshd"
	"github.com/cloister-dev/cloister/internal/staple"
	"github.com/cloister-dev/cloister/internal/store"
	"github.com/cloister-dev/cloister/internal/web"
	"github.com/cloister-dev/cloister/internal/webhook"
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
	s, keys, err := openStore(ctx, c, log)
	if err != nil {
		return err
	}
	defer s.Close()
	hostKey, err := s.Kept(ctx, "ssh host key", keys.derive("ssh"))
	if err != nil {
		return err
	}
	lines, err := logs.Open(logs.Config{Dir: filepath.Join(c.controlDir(), "logs"), Key: keys.derive("logs")}, log)
	if err != nil {
		return err
	}
	defer lines.Close()
	collector := logs.NewCollector(lines, e, log)
	defer collector.Close()
	receivers := c.outside()
	authorities := receivers.Client(5*time.Second, 10*time.Second, 2) // of tenants' certificates
	drains := drain.New(lines, receivers, log)
	defer drains.Close()
	stream := &stream{Logs: lines, Collector: collector, drains: drains, log: log}

	ca, err := openAuthority(c.controlDir(), c.caFile(), append(c.names(), c.AppDomain), c.addresses(), time.Now())
	if err != nil {
		return err
	}
	own, err := newLeaf(ca, append(c.names(), addressNames(c.addresses())...), nil)
	if err != nil {
		return err
	}
	feed := router.NewFeed(log)
	pool, _ := netip.ParsePrefix(c.OutboundPool)
	p := platform.New(s, platform.Config{AppDomain: c.AppDomain, ACM: c.ACMEDirectory != "", DNSSuffix: c.DNSSuffix, LookupTXT: net.DefaultResolver.LookupTXT, Fetch: func(ctx context.Context, url string) ([]byte, error) { return outside.Get(ctx, authorities, url) }, DailyRestarts: c.DailyRestarts, TwoPeople: c.TwoPeople, OutboundPool: pool, IngressPool: c.ingressPool(),
		Networks: c.networks(), Clients: feed, Log: stream.API, CheckAddon: checkAddon(s), CheckSetting: checkSetting, SSO: platform.SSO{Team: c.SSOTeam, Role: cloister.Role(c.SSORole), Only: c.SSOOnly, Name: c.SSOName}}, log)
	if err := firstStart(ctx, c, s, p, log); err != nil {
		return err
	}
	if err := platform.GiveIngress(ctx, s, c.ingressPool()); err != nil {
		log.Error("a space has no ingress address", "err", err) // it is reached by the machine's
	}
	table := &certified{Router: feed}
	wildcard, err := newLeaf(ca, []string{"*." + c.AppDomain, c.AppDomain}, table.use)
	if err != nil {
		return err
	}
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
	address := webAddress(c)
	builds := control.NewBuilds(s, builder, control.BuildConfig{AtOnce: buildsAtOnce(), Open: opener(sources, outside.Public), Output: lines.Output,
		Say: stream.API, URL: func(a cloister.App) string { return address(a.Host(c.AppDomain)) }}, log)
	git, err := gitd.New(gitd.Config{Dir: filepath.Join(c.controlDir(), "git"), Hook: hookBinary(c), Sockets: filepath.Join(c.Run, "control", "git"), Room: roomFor(c.State)},
		&pushes{platform: p, store: s, sources: sources, logs: lines}, log)
	if err != nil {
		return err
	}
	defer git.Close()
	issuer, err := c.issuer(ctx, s, log)
	if err != nil {
		return err
	}
	shelf, err := control.OpenShelf(filepath.Join(c.controlDir(), "backups"))
	if err != nil {
		return err
	}
	ctl := control.New(s, e, table, stream, builds, control.Config{Owner: "control", AppDomain: c.AppDomain, DailyRestarts: c.DailyRestarts, Balancers: c.balancers(), ProxyProtocol: c.ProxyProtocol,
		Mail: c.SMTP, ACM: issuer, Staples: staple.Asker{Client: authorities}, Networks: c.networks(), Webhooks: webhook.New(receivers), Kinds: kinds, Shelf: shelf, Fetch: fetcher(receivers), Partners: partners{http: receivers.Client(5*time.Second, partner.Patience, 2), api: c.apiURL()}, Forget: git.Delete, Output: func(id string) io.WriteCloser {
			if err := lines.DropOutput(id); err != nil {
				log.Warn("an old output of a release was not removed", "release", id, "err", err)
			}
			return lines.Output(id)
		}}, log)
	imports := &slugs{importer: builds, key: keys.derive("slugs"), max: maxSource, log: log}
	measured := metrics.New(s, e, ownProcesses, log)
	feed.OnLine = func(appID string, at time.Time, line string) {
		stream.router(appID, at, line)
		r := plan.ParseRequest(line)
		ctl.Request(appID, at, r)
		measured.Request(appID, r)
	}
	shells, err := sshd.New(sshd.Config{Key: ed25519.NewKeyFromSeed(hostKey), Enter: enter(p, ctl.Sessions(), ctl.Services()), Owner: p.OwnerOf, Git: serveGit(git), Dir: c.copiesDir()}, log)
	if err != nil {
		return err
	}
	repositories := "https://" + loopback(c.Listen) + "/"
	handler := &front{git: git, streams: lines.Handler(), sources: sources, slugs: imports, web: web.New(p, web.Config{Provider: c.identityProvider(), Logs: shown{lines}, GitURL: repositories, Address: address}, log),
		api: api.New(api.Config{WebPort: c.webPort(), GitURL: repositories}, p,
			api.Beside{Logs: lines, Sources: sources, Slugs: imports, Caches: builder, Health: &health{engine: e, dir: c.State}, Terminals: ctl.Sessions(), Shells: shells, Services: ctl.Services(), Backups: shelf, Bastions: bastions{shells, c.apiPort()}, Metrics: measured.Handler(), CheckBuildpack: build.CheckBuildpack}, log)}
	sessions := attach.New(attach.Config{Claim: func(secret cloister.Secret) (attach.Session, bool) { return ctl.Sessions().Claim(secret) }}, log)

	safe := &backups{source: backup.Source{Store: s, Git: git, Images: images, Files: c.files(), Scratch: c.controlDir()}, lock: backup.ByKey(keys.derive("backup")), keyFile: c.keyFile()}

	group, ctx := errgroup.WithContext(ctx)
	restart := make(chan struct{}, 1)
	group.Go(func() error {
		select {
		case <-restart:
			return errNextKey
		case <-ctx.Done():
			return nil
		}
	})
	group.Go(func() error { return ctl.Run(ctx) })
	group.Go(func() error { return giveBack(ctx) })
	group.Go(func() error { return serveAPI(ctx, c, own, handler, sessions, shells, log) })
	group.Go(func() error { return serveFeed(ctx, c, feed) })
	group.Go(func() error {
		return (&admin{config: c, store: s, platform: p, backups: safe, restart: restart}).serve(ctx)
	})
	group.Go(func() error { return (&housekeeper{store: s, images: images, sources: sources, log: log}).run(ctx) })
	group.Go(func() error { return own.keep(ctx, log) })
	group.Go(func() error { return wildcard.keep(ctx, log) })
	if dns, _ := c.acmeDNS(); issuer != nil && dns != nil {
		known := &known{name: "*." + c.AppDomain, file: filepath.Join(c.controlDir(), "wildcard.pem"), issuer: issuer, use: table.prefer, log: log}
		group.Go(func() error { return known.keep(ctx) })
	}
	group.Go(func() error { return insist(ctx, builder.Sweep, "what builds left behind is still there", log) })
	group.Go(func() error {
		<-ctx.Done()
		collector.Close() // before the engine goes too: that the logs of dynos break off then is as it should be
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
