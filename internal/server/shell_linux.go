package server

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/gitd"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/sshd"
)

// enter has what comes by SSH run inside a dyno, as run:inside does, if the one who the pass was made for may.
func enter(p *platform.Platform, sessions *control.Sessions) func(context.Context, sshd.Pass, sshd.Wish) (sshd.Session, func(columns, lines int), error) {
	return func(ctx context.Context, pass sshd.Pass, w sshd.Wish) (sshd.Session, func(columns, lines int), error) {
		env := map[string]cloister.Secret{}
		for k, v := range w.Env {
			env[k] = cloister.Secret(v)
		}
		app, t, err := p.RunInside(ctx, pass.Actor, pass.App, pass.Dyno, platform.RunSpec{Command: w.Command, Dial: w.Dial, Env: env, NoTTY: w.NoTTY})
		if err != nil {
			return nil, nil, err
		}
		s, ok := sessions.Claim(sessions.Offer(t))
		if !ok {
			return nil, nil, cloister.Errorf(cloister.Unavailable, "The platform is restarting. Try again.")
		}
		return s, func(columns, lines int) { sessions.Resize(app.ID, t.ID, columns, lines) }, nil
	}
}

// serveGit has git do what comes by SSH.
func serveGit(git *gitd.Handler) func(context.Context, cloister.Actor, sshd.Git) int {
	return func(ctx context.Context, a cloister.Actor, g sshd.Git) int {
		return git.ServeSSH(ctx, a, g.Command, gitd.Stream{In: g.Channel, Out: g.Channel, Err: g.Channel.Stderr(), Protocol: g.Protocol})
	}
}
