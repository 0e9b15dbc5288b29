package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// buildOwner owns the sandboxes of builds in the engine.
const buildOwner = build.Space

// A Builder makes an image of source code.
type Builder interface {
	Build(ctx context.Context, job build.Job, out io.Writer) (build.Result, error)
	DropCache(ctx context.Context, appID string) error
	ImportSlug(ctx context.Context, stack cloister.Stack, app string, slug cloister.Slug, r io.Reader) (cloister.Slug, error)
}

// A BuildConfig is what builds need besides their builder.
type BuildConfig struct {
	AtOnce int // builds that run at the same time; the others wait their turn
	// Open gets the source archive of a build. flatten tells that it may have all below one directory.
	Open func(ctx context.Context, url string) (source io.ReadCloser, flatten bool, err error)
	// Output is where the transcript of a build goes; closing it ends the stream of those who follow it.
	Output func(buildID string) io.WriteCloser
	// Say writes a line of the API into an app's log stream.
	Say func(appID, text string)
	// URL is the address at which people reach an app.
	URL func(app cloister.App) string
}

// Builds runs the builds that are wanted: one at a time for each app, a few at a time in all. A build takes minutes,
// far longer than a step may, so a step only starts it, and the build touches its row when it ends.
type Builds struct {
	store   *store.Store
	builder Builder
	config  BuildConfig
	log     *slog.Logger
	since   time.Time // our start: a push from before it is gone

	busy    sync.WaitGroup
	mu      sync.Mutex
	running map[string]running // by build id
}

type running struct {
	app    string
	cancel context.CancelCauseFunc
}

var (
	errCanceled    = cloister.Errorf(cloister.Invalid, "The build was canceled.")
	errInterrupted = cloister.Errorf(cloister.Invalid, "The server was restarted during the build. Push again.")
)

// NewBuilds returns Builds that use a builder.
func NewBuilds(s *store.Store, b Builder, c BuildConfig, log *slog.Logger) *Builds {
	return &Builds{store: s, builder: b, config: c, log: log, since: time.Now(), running: map[string]running{}}
}

// Wait returns when no build runs any more. Builds end when the context of the step that started them is over.
func (b *Builds) Wait() { b.busy.Wait() }

// Step starts a build whose turn it is, or stops one that is not wanted any more.
func (b *Builds) Step(ctx context.Context, id string) (time.Duration, error) {
	running := b.runs(id) // asked first: a build records its end before it is not running any more
	var want cloister.Build
	var queue []cloister.Build
	err := b.store.View(ctx, func(tx *store.Tx) (err error) {
		if want, err = tx.Build(id); err == nil && !running {
			queue, err = tx.PendingBuilds()
		}
		return err
	})
	switch {
	case gone(err, "build"): // its app was destroyed
		b.stop(id, errCanceled)
		return 0, nil
	case err != nil:
		return 0, err
	case want.Status != cloister.BuildPending:
		return 0, nil
	case running && want.Canceled:
		b.stop(id, errCanceled)
		return 0, nil
	case running:
		return 0, nil
	case want.Canceled:
		return 0, b.fail(ctx, want, errCanceled, b.config.Output(id))
	case want.FromGit && want.CreatedAt.Before(b.since):
		return 0, b.fail(ctx, want, errInterrupted, b.config.Output(id))
	}
	if !b.start(ctx, want, queue) {
		return time.Second, nil // not its turn yet; the end of another build touches it
	}
	return 0, nil
}

func (b *Builds) runs(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.running[id]
	return ok
}

// stop ends a build if it runs.
func (b *Builds) stop(id string, cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, ok := b.running[id]; ok {
		r.cancel(cause)
	}
}

// abandon ends the builds of an app that was destroyed.
func (b *Builds) abandon(app string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.running {
		if r.app == app {
			r.cancel(errCanceled)
		}
	}
}

// start begins a build if it is its turn, and tells whether it was.
func (b *Builds) start(ctx context.Context, want cloister.Build, queue []cloister.Build) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.next(want.ID, queue) {
		return false
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	b.running[want.ID] = running{app: want.AppID, cancel: cancel}
	b.busy.Go(func() {
		defer cancel(nil)
		b.run(ctx, want)
		b.mu.Lock()
		delete(b.running, want.ID)
		b.mu.Unlock()
		b.touchNext(context.WithoutCancel(ctx))
	})
	return true
}

// next reports whether a build is among the oldest that there is room for: of each app one at a time, the others in
// the order in which they were asked for. The lock is held.
func (b *Builds) next(id string, queue []cloister.Build) bool {
	room := b.config.AtOnce - len(b.running)
	taken := map[string]bool{}
	for _, r := range b.running {
		taken[r.app] = true
	}
	for _, q := range queue {
		if _, runs := b.running[q.ID]; runs || taken[q.AppID] {
			continue
		}
		if room--; room < 0 {
			return false
		}
		if q.ID == id {
			return true
		}
		taken[q.AppID] = true
	}
	return false
}

// Stop ends all builds, as at the end of the process.
func (b *Builds) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.running {
		r.cancel(errInterrupted)
	}
}

// touchNext asks for a look at the builds that wait for their turn.
func (b *Builds) touchNext(ctx context.Context) {
	if err := b.store.Update(ctx, func(tx *store.Tx) error {
		queue, err := tx.PendingBuilds()
		for _, q := range queue {
			if err == nil {
				err = tx.Touch("build", q.ID)
			}
		}
		return err
	}); err != nil {
		b.log.Warn("could not touch the builds that wait", "err", err)
	}
}

// run builds, and records the outcome.
func (b *Builds) run(ctx context.Context, want cloister.Build) {
	out := b.config.Output(want.ID)
	result, err := b.build(ctx, want, out)
	record := context.WithoutCancel(ctx)
	if err == nil {
		err = b.release(record, want, result, out)
	} else if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	switch {
	case err == nil:
	case errors.Is(err, errInterrupted) && !want.FromGit:
		err = out.Close() // it stays wanted, and is built again after the restart
	default:
		err = b.insist(ctx, func() error { return b.fail(record, want, err, out) })
	}
	if err != nil {
		b.log.Error("could not record the end of a build", "build", want.ID, "err", err)
	}
}

// insist records how a build ended as soon as the store takes it, which a full disk may keep it from: a build whose
// end nobody knows would be built again, long after whoever pushed was told that it failed.
func (b *Builds) insist(ctx context.Context, record func() error) error {
	for told := false; ; told = true {
		err := record()
		if err == nil || errors.Is(context.Cause(ctx), errInterrupted) {
			return err
		}
		if !told {
			b.log.Warn("could not record the end of a build, trying every second", "err", err)
		}
		time.Sleep(time.Second)
	}
}

func (b *Builds) build(ctx context.Context, want cloister.Build, out io.Writer) (result build.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	var app cloister.App
	var stack cloister.Stack
	var zones []cloister.Zone
	var limits cloister.SpaceLimits
	if err := b.store.View(ctx, func(tx *store.Tx) (err error) {
		if app, err = tx.App(want.AppID); err != nil {
			return err
		}
		if stack, err = tx.Stack(want.Stack); err != nil {
			return err
		}
		if limits, err = tx.Limits(app.SpaceID); err != nil {
			return err
		}
		zones, err = tx.Zones()
		return err
	}); err != nil {
		return build.Result{}, err
	}
	source, flatten, err := b.config.Open(ctx, want.SourceURL)
	if err != nil {
		return build.Result{}, err
	}
	defer source.Close()
	return b.builder.Build(ctx, build.Job{BuildID: want.ID, AppID: app.ID, AppName: app.Name, Stack: stack, Source: source,
		Flatten: flatten, Checksum: want.Checksum, Version: want.Version, Buildpacks: want.Buildpacks,
		Submodules: want.Submodules, Zone: plan.Place(zones, want.ID), Config: app.Config,
		MaxTypes: limits.Of(cloister.LimitProcessTypes)}, out)
}

// release makes the result the app's next release, in the transaction that records the build's success.
func (b *Builds) release(ctx context.Context, want cloister.Build, result build.Result, out io.WriteCloser) error {
	var app cloister.App
	var r cloister.Release
	err := b.store.Update(ctx, func(tx *store.Tx) (err error) {
		tx.Actor = want.UserEmail
		now, err := tx.Build(want.ID)
		if err != nil {
			return err
		}
		if now.Canceled {
			return errCanceled // too late for the builder, but not for us
		}
		if app, err = tx.App(want.AppID); err != nil {
			return err
		}
		space, err := tx.Space(app.SpaceID)
		if err != nil {
			return err
		}
		slug := result.Slug
		slug.ID, slug.AppID, slug.CreatedAt, slug.UpdatedAt = cloister.NewID(), app.ID, tx.Now, tx.Now
		slug.Commit, slug.CommitText = want.Version, want.VersionText
		if err := tx.InsertSlug(slug); err != nil {
			return err
		}
		if len(app.Buildpacks) == 0 {
			app.Buildpacks = result.Buildpacks // what was detected once is pinned for later builds
		}
		if r, err = tx.AddRelease(app, cloister.Release{SlugID: slug.ID, Config: app.Config, Description: "Deploy " + short(want),
			UserID: want.UserID, UserEmail: want.UserEmail}, cloister.DefaultSize(space.Shield)); err != nil {
			return err
		}
		want.Status, want.Buildpacks, want.SlugID, want.ReleaseID = cloister.BuildSucceeded, result.Buildpacks, slug.ID, r.ID
		return tx.FinishBuild(want)
	})
	if err != nil {
		return err
	}
	b.config.Say(app.ID, "Build succeeded")
	b.config.Say(app.ID, fmt.Sprintf("%s by user %s", r.Description, want.UserEmail))
	b.config.Say(app.ID, fmt.Sprintf("Release v%d created by user %s", r.Version, want.UserEmail))
	declared := ""
	if r.Phase {
		b.config.Say(app.ID, fmt.Sprintf("Running release v%d commands by user %s", r.Version, want.UserEmail))
		declared = " !     Release command declared: this new release will not be available until the command succeeds.\n"
	}
	fmt.Fprintf(out, "-----> Launching...\n"+declared+"       Released v%d\n       %s deployed to Cloister\n\n", r.Version, b.config.URL(app))
	if err := out.Close(); err != nil {
		b.log.Warn("the transcript of a build was cut short", "build", want.ID, "err", err) // but it is released
	}
	return nil
}

// short is how a deploy names its source: the first eight digits of a commit, as Heroku does.
func short(b cloister.Build) string {
	v := b.Version
	if v == "" {
		v = b.ID
	}
	return v[:min(8, len(v))]
}

// fail records that a build failed, which changes nothing else.
func (b *Builds) fail(ctx context.Context, want cloister.Build, cause error, out io.WriteCloser) error {
	want.Status, want.Message = cloister.BuildFailed, cloister.MessageOf(cause)
	err := b.store.Update(ctx, func(tx *store.Tx) error { return tx.FinishBuild(want) })
	if gone(err, "build") {
		return out.Close() // its app was destroyed meanwhile: nobody asks any more
	}
	if err != nil {
		return err
	}
	if cloister.KindOf(cause) == cloister.Internal {
		b.log.Error("build failed by our own fault", "build", want.ID, "err", cause)
	}
	b.config.Say(want.AppID, "Build failed")
	if errors.Is(cause, errCanceled) || errors.Is(cause, errInterrupted) {
		fmt.Fprintf(out, " !     %s\n", want.Message)
	}
	if err := out.Close(); err != nil {
		b.log.Warn("the transcript of a build was cut short", "build", want.ID, "err", err)
	}
	return nil
}
