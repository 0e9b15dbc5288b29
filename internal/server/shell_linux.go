package server

import (
	"context"
	"net"
	"strconv"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/api"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/gitd"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/sshd"
)

// enter has what comes by SSH run inside a dyno, as run:inside does, if the one who the pass was made for may.
func enter(p *platform.Platform, sessions *control.Sessions, services control.Services) func(context.Context, sshd.Pass, sshd.Wish) (sshd.Session, func(columns, lines int), error) {
	return func(ctx context.Context, pass sshd.Pass, w sshd.Wish) (sshd.Session, func(columns, lines int), error) {
		if pass.Addon != "" {
			x, err := p.ReadAddon(ctx, pass.Actor, pass.Addon)
			return passage{services, x.ID, w.Dial}, func(int, int) {}, err
		}
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

// A passage is a connection to a data service.
type passage struct {
	services control.Services
	addon    string // id
	address  string
}

// Run carries it.
func (p passage) Run(ctx context.Context, t engine.Terminal) (int, error) {
	return p.services.Dial(ctx, p.addon, p.address, t)
}

// bastions let people at data services by SSH, at the API's own port.
type bastions struct {
	sshd *sshd.Sshd
	port string // of the API
}

// OfferData makes a key with which the actor may come as the user bastion, and says where to.
func (b bastions) OfferData(a cloister.Actor, addonID, host string) (out api.Bastion, err error) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	out.Host = host
	if out.Port, err = strconv.Atoi(b.port); err != nil {
		return out, err
	}
	out.Key, out.HostKey, err = b.sshd.OfferData(a, addonID)
	return out, err
}

// serveGit has git do what comes by SSH.
func serveGit(git *gitd.Handler) func(context.Context, cloister.Actor, sshd.Git) int {
	return func(ctx context.Context, a cloister.Actor, g sshd.Git) int {
		return git.ServeSSH(ctx, a, g.Command, gitd.Stream{In: g.Channel, Out: g.Channel, Err: g.Channel.Stderr(), Protocol: g.Protocol})
	}
}
