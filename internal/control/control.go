// Package control makes the world follow the store. One loop claims objects that need looking at, and runs the Step
// of their kind: observe, plan, act. The thinking is in package plan, which is pure; the acting is the engine's, the
// router's and the builder's; a Step carries one to the other, and records what it intends before it acts.
//
// It never asks who wants something or whether they may: that was settled by package platform, which wrote the row.
package control

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// A Router takes the table of where requests go, and knows when a dyno that left it is no longer in use.
type Router interface {
	// Publish replaces the table.
	Publish(cloister.Routes)
	// Drained reports whether no router works by a table older than version, nor has a request under way to endpoint.
	// With the zero endpoint it tells of the table alone.
	Drained(endpoint netip.AddrPort, version int64) bool
}

// A Log takes the platform's lines and the dynos' output.
type Log interface {
	// Platform writes a line of the platform into an app's stream: "heroku[web.1]: State changed from starting to up".
	Platform(appID, proc string, at time.Time, text string)
	// Ensure copies the output of a workload into an app's stream from now on, as "app[web.1]: …".
	Ensure(workload, appID, proc string)
	// Drained waits until all that an exited workload wrote is copied, or for a moment at most.
	Drained(ctx context.Context, workload string)
	// Drains says where all lines of an app's stream are sent from now on.
	Drains(appID string, drains []cloister.Drain) error
	// Delete forgets an app's stream.
	Delete(appID string)
}

// Config is what control needs to know of the installation.
type Config struct {
	Owner         string // this server among those that share the database
	AppDomain     string // apps' host names are under it
	Balancers     []netip.Prefix
	ProxyProtocol bool // of the balancers
	Certificates  []cloister.Certificate
	Builds        netip.Prefix          // the network of builds
	Mail          bool                  // dynos may send mail, on port 25
	Networks      []cloister.Network    // the operator's, that spaces may be peered with
	DailyRestarts bool                  // of the dynos of apps whose owners do not decide
	ACM           Issuer                // nil: no certificates are got
	Staples       Asker                 // nil: nobody is asked about certificates
	Kinds         map[string]addon.Kind // of data services, by name
	Partners      Partners              // nil: no providers of add-ons are called
	Shelf         *Shelf                // where backups of databases are kept; nil: none are taken
	// Fetch opens what is at an address that a tenant has chosen; nil: nothing is.
	Fetch func(ctx context.Context, url string) (io.ReadCloser, error)
	// Output empties and opens the output of a release; nil: nobody reads it.
	Output func(releaseID string) io.WriteCloser
	// Webhooks tells webhooks of what happens; nil: nobody does.
	Webhooks Poster
	// Forget is called with the id of an app that is gone: its repository can go too.
	Forget func(appID string) error
}

// A Control runs the work loop over all kinds of objects.
type Control struct {
	store  *store.Store
	engine engine.Engine
	router Router
	logs   Log
	config Config
	log    *slog.Logger

	builds   *Builds
	routes   *routes
	names    *names
	sessions *Sessions
	outputs  *outputs
	webhooks *webhooks
	traffic  *traffic
	load     load

	unstarted unstarted
	transfers transfers

	looking sync.Mutex    // held while zones are looked at
	seen    []plan.Zone   // by the last look that the engine answered
	stirred chan struct{} // has something when the engine hints that there is something else to see
}

// New returns a Control. builds may be nil where nothing is built.
func New(s *store.Store, e engine.Engine, r Router, logs Log, b *Builds, c Config, log *slog.Logger) *Control {
	seen := newTraffic()
	logs = counted{logs, seen}
	return &Control{traffic: seen, load: load{looks: map[string]look{}}, store: s, engine: e, router: r, logs: logs, config: c, log: log, builds: b, stirred: make(chan struct{}, 1), routes: newRoutes(r, c),
		names: newNames(c.AppDomain), sessions: NewSessions(s, e, logs, log), outputs: newOutputs(e, c.Output, log), webhooks: newWebhooks(s, c.Webhooks)}
}

// Sessions are the commands that clients are attached to.
func (c *Control) Sessions() *Sessions { return c.sessions }

// slots is how many steps run at once. Starting a container keeps a step busy for some 50 ms, most of it waiting.
const slots = 16

// Run works until ctx is done.
func (c *Control) Run(ctx context.Context) error {
	steps := map[string]Step{"space": c.stepSpace, "app": c.stepApp, "run": c.stepRun, "job": c.stepJob, "autoscale": c.stepAutoscale, "acm": c.stepACM, "staple": c.stepStaple,
		"webhook": c.webhooks.step, "addon": c.stepAddon}
	defer context.AfterFunc(ctx, c.sessions.begin())()
	defer c.outputs.begin()()
	defer c.webhooks.begin()()
	if c.config.Shelf != nil {
		steps["transfer"] = c.stepTransfer
		defer c.transfers.end()
	}
	if c.builds != nil {
		steps["build"] = c.builds.Step
		defer c.builds.Wait()
		defer c.builds.Stop()
	}
	if err := c.stock(ctx); err != nil {
		return orDone(ctx, err)
	}
	if err := c.routes.load(ctx, c.store); err != nil {
		return orDone(ctx, err)
	}
	loop := NewLoop(c.store, steps, c.config.Owner, slots, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), c.log)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return loop.Run(ctx) })
	group.Go(func() error { return c.routes.run(ctx) })
	group.Go(func() error { return c.follow(ctx) })
	group.Go(func() error { return c.watchZones(ctx) })
	group.Go(func() error { return c.meter(ctx) })
	group.Go(func() error { return c.count(ctx) })
	return orDone(ctx, group.Wait())
}

// orDone leaves out an error that only says that ctx was done.
func orDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// follow turns the engine's events into touches of their owners. Losing all of them costs only time.
func (c *Control) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		events := c.engine.Events(ctx)
		for e := range events {
			apps, nodes := hinted(e, events)
			if nodes {
				select {
				case c.stirred <- struct{}{}:
				default: // it will look anyway
				}
			}
			if err := c.store.Update(ctx, func(tx *store.Tx) error {
				for _, owner := range apps {
					if err := tx.Touch(ownerWork(owner)); err != nil {
						return err
					}
				}
				return nil
			}); err != nil && ctx.Err() == nil {
				c.log.Warn("events were lost", "apps", apps, "err", err)
			}
		}
		select { // the engine is away; it says nothing until it is back
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// hinted are the apps and one-off dynos that an event is about, and those that wait behind it: each once, however much
// happens to it; and whether one is about a node.
func hinted(e engine.Event, events <-chan engine.Event) (owners []string, nodes bool) {
	seen := map[string]bool{}
	for more := true; more; {
		nodes = nodes || e.Node != ""
		if e.Owner != "" && e.Owner != buildOwner && e.Owner != engine.Isolation {
			seen[e.Owner] = true
		}
		select {
		case e, more = <-events:
		default:
			more = false
		}
	}
	return slices.Sorted(maps.Keys(seen)), nodes
}
