package server

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/gitd"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// pushes is what git needs of the platform: a push is a build of what was pushed, and its transcript.
type pushes struct {
	platform *platform.Platform
	store    *store.Store
	sources  uploads
	logs     *logs.Logs
}

func (p *pushes) Authenticate(ctx context.Context, from string, token cloister.Secret) (cloister.Actor, error) {
	return p.platform.Authenticate(ctx, from, token)
}

func (p *pushes) Repository(ctx context.Context, a cloister.Actor, name string, write bool) (cloister.App, error) {
	app, err := p.platform.Repository(ctx, a, name, write)
	return app.App, err
}

func (p *pushes) Pushed(ctx context.Context, a cloister.Actor, appID string, size int64) error {
	return p.platform.Pushed(ctx, a, appID, size)
}

func (p *pushes) StartBuild(ctx context.Context, a cloister.Actor, appID string, in gitd.Push) (string, error) {
	url, err := p.sources.keep(in.Source)
	if err != nil {
		return "", err
	}
	_, b, err := p.platform.CreateBuild(ctx, a, appID, platform.BuildSpec{SourceURL: url, Version: in.Commit,
		VersionText: in.Message, Submodules: in.Submodules, FromGit: true})
	if err == nil {
		p.logs.Output(b.ID) // begins the transcript: whoever pushed follows it from now on
	}
	return b.ID, err
}

func (p *pushes) WaitBuild(ctx context.Context, a cloister.Actor, appID, buildID string, out io.Writer) (gitd.Outcome, error) {
	if err := p.logs.CopyOutput(ctx, buildID, out); err != nil {
		if ctx.Err() != nil { // the person who pushed has gone
			_, _, cancelErr := p.platform.CancelBuild(context.WithoutCancel(ctx), a, appID, buildID)
			return gitd.Outcome{}, errors.Join(ctx.Err(), cancelErr)
		}
		return gitd.Outcome{}, err
	}
	_, b, err := p.platform.Build(ctx, a, appID, buildID)
	if err != nil || b.Status != cloister.BuildSucceeded {
		return gitd.Outcome{}, err
	}
	_, r, err := p.platform.Release(ctx, a, appID, b.ReleaseID)
	if err != nil || !r.Phase {
		return gitd.Outcome{Succeeded: true}, err
	}
	return gitd.Outcome{Succeeded: true, Release: r.ID}, nil
}

// phaseEvery is how often somebody who waits for a release looks at it.
const phaseEvery = 500 * time.Millisecond

func (p *pushes) WaitRelease(ctx context.Context, a cloister.Actor, appID, releaseID string, out io.Writer) (bool, error) {
	shown := false
	tick := time.NewTicker(phaseEvery)
	defer tick.Stop()
	for {
		_, r, err := p.platform.Release(ctx, a, appID, releaseID)
		if err != nil {
			return false, err
		}
		if !shown { // a dyno that has not started has no output yet
			err := p.logs.CopyOutput(ctx, releaseID, out)
			if shown = err == nil; err != nil && cloister.KindOf(err) != cloister.NotFound {
				return false, err
			}
		}
		if r.Status != cloister.ReleasePending {
			return r.Status == cloister.ReleaseSucceeded, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-tick.C:
		}
	}
}
