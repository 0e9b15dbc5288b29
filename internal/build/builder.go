package build

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Config says how builds are run. A zero field means the default in its comment.
type Config struct {
	Space     engine.Space      // the network of builds; its ID and Builds are set for you
	CABundle  string            // PEM file that builds trust, where a company network re-signs TLS; "" for the stack's own
	Env       map[string]string // given to every build: proxies, mirrors of package registries
	Timeout   time.Duration     // of a whole build: 15 minutes
	Limits    engine.Size       // of the sandbox: 2 GiB of memory, 2 cores, 4096 processes, 1 GiB outside of scratch space
	Scratch   int64             // bytes a build may write: 4 GiB
	Cache     int64             // bytes an app's cache may take: 2 GiB
	MaxSource int64             // bytes of unpacked source: 1 GiB
	MaxSlug   int64             // bytes of compressed slug: 500 MiB
}

// A Builder runs builds. Its methods may be called from several goroutines; two builds of one app take turns, since
// they share a cache.
type Builder struct {
	engine engine.Engine
	store  *Store
	config Config
	log    *slog.Logger

	mu   sync.Mutex
	held map[string]bool          // workloads of builds that run now
	apps map[string]chan struct{} // closed when the app's build is over
}

// New returns a builder that runs its sandboxes on e and puts images into s.
func New(e engine.Engine, s *Store, c Config, log *slog.Logger) *Builder {
	c.Space.ID, c.Space.Builds = Space, true
	if !c.Space.Dynos.IsValid() {
		c.Space.Dynos, c.Space.Data = cloister.DefaultCIDR, cloister.DefaultDataCIDR
	}
	orElse(&c.Timeout, 15*time.Minute)
	orElse(&c.Limits.Memory, 2<<30)
	orElse(&c.Limits.CPU, 2000)
	orElse(&c.Limits.PIDs, 4096)
	orElse(&c.Limits.Disk, 1<<30)
	orElse(&c.Scratch, 4<<30)
	orElse(&c.Cache, 2<<30)
	orElse(&c.MaxSource, 1<<30)
	orElse(&c.MaxSlug, 500<<20)
	return &Builder{engine: e, store: s, config: c, log: log, held: map[string]bool{}, apps: map[string]chan struct{}{}}
}

func orElse[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// A Job is one build.
type Job struct {
	BuildID    string
	AppID      string
	AppName    string
	Stack      cloister.Stack
	Source     io.Reader // the source archive: tar or tar.gz. A read must not outlast the build's context by much
	Flatten    bool      // the archive came from a URL: if all of it is below one directory, that directory is the source
	Checksum   string    // that the archive must have, "SHA256:<hex>"; or ""
	Version    string    // of the source, usually a commit
	Buildpacks []cloister.Buildpack
	Submodules []cloister.Submodule
	Config     map[string]cloister.Secret
	MaxTypes   int         // how many process types it may declare
	Zone       string      // where it runs; "" leaves that to the engine
	Limits     engine.Size // of this build; zero fields are the builder's
}

// A Result is what came out of a build: a slug that has neither an id nor times yet, and the buildpacks that made it,
// by which an app is pinned after its first build.
type Result struct {
	Slug       cloister.Slug
	Buildpacks []cloister.Buildpack
}

// Build makes an image of a job's source, and writes the transcript that the person who pushed reads to out. An error
// of the kind Invalid is theirs, and has been explained in the transcript. Whatever happens, nothing is left of the
// build but the image, if there is one, and the app's cache.
func (b *Builder) Build(ctx context.Context, job Job, out io.Writer) (Result, error) {
	if err := job.check(); err != nil {
		return Result{}, err
	}
	done, err := b.takeTurn(ctx, job.AppID)
	if err != nil {
		return Result{}, err
	}
	defer done()
	job.Limits = b.limits(job.Limits)
	ctx, cancel := context.WithTimeoutCause(ctx, b.config.Timeout, errTimeout)
	defer cancel()

	start := time.Now()
	r := &attempt{Builder: b, job: job, out: &transcript{w: out}}
	result, err := r.run(ctx)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		err = r.explain(err)
		b.log.Info("build failed", "build", job.BuildID, "app", job.AppID, "took", time.Since(start), "error", err)
		return Result{}, err
	}
	b.log.Info("build succeeded", "build", job.BuildID, "app", job.AppID, "took", time.Since(start), "image", result.Slug.Image, "size", result.Slug.Size)
	return result, nil
}

var errTimeout = errors.New("the build timed out")

func (j Job) check() error {
	switch {
	case j.BuildID == "" || j.AppID == "" || j.Source == nil:
		return errors.New("a job needs a build, an app and a source")
	case j.Stack.BuildImage == "" || j.Stack.RunImage == "":
		return cloister.Errorf(cloister.Unavailable, "Stack %s has no images yet.", j.Stack.Name)
	}
	return nil
}

func (b *Builder) limits(l engine.Size) engine.Size {
	orElse(&l.Memory, b.config.Limits.Memory)
	orElse(&l.CPU, b.config.Limits.CPU)
	orElse(&l.PIDs, b.config.Limits.PIDs)
	orElse(&l.Disk, b.config.Limits.Disk)
	return l
}

// DropCache forgets the cache of an app. It refuses (Conflict) during a build of the app.
func (b *Builder) DropCache(ctx context.Context, appID string) error {
	return b.engine.DropVolume(ctx, cacheVolume(appID))
}

// Sweep removes sandboxes that no build of this builder uses: those that an earlier process left behind. It is
// called when a server starts.
func (b *Builder) Sweep(ctx context.Context) error {
	all, err := b.engine.List(ctx, Space)
	if err != nil {
		return err
	}
	for _, w := range all {
		if b.holds(w.ID) || !strings.HasPrefix(w.ID, "build-") {
			continue
		}
		b.closeSandbox(ctx, &sandbox{engine: b.engine, id: w.ID, scratch: "scratch-" + w.ID})
	}
	return nil
}

// takeTurn waits until no other build of the app runs. The caller is done when it calls done.
func (b *Builder) takeTurn(ctx context.Context, appID string) (done func(), err error) {
	for {
		b.mu.Lock()
		other, busy := b.apps[appID]
		if !busy {
			mine := make(chan struct{})
			b.apps[appID] = mine
			b.mu.Unlock()
			return func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				delete(b.apps, appID)
				close(mine)
			}, nil
		}
		b.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (b *Builder) hold(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held[id] = true
}

func (b *Builder) letGo(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.held, id)
}

func (b *Builder) holds(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[id]
}

// passedOn are the variables of a server's environment that concern builds: how to reach the world.
var passedOn = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"npm_config_registry", "NPM_CONFIG_REGISTRY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT",
	"GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GOPRIVATE", "GOINSECURE"}

// PassEnv picks from an environment, as os.Environ returns it, what Config.Env should hold.
func PassEnv(environ []string) map[string]string {
	out := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		for _, p := range passedOn {
			if name == p && value != "" {
				out[name] = value
			}
		}
	}
	return out
}
