package api

import (
	"net"
	"net/url"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) dynoRun(r *request) (reply, error) {
	in, err := decode[heroku.DynoCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.Dial != "" {
		return reply{}, cloister.Errorf(cloister.Invalid, "A connection is made from inside a dyno that runs: POST /apps/%s/dynos/DYNO.", r.param("app"))
	}
	if in.Attach && a.beside.Terminals == nil {
		return reply{}, nowhereToAttach()
	}
	app, run, t, err := a.platform.Run(r.Context(), r.actor, r.param("app"), runSpec(in))
	if err != nil {
		return reply{}, err
	}
	out := dyno(app, run.Dyno)
	if in.Attach {
		out.AttachURL = a.attachURL(r, t)
	}
	return created(out), nil
}

// dynoRunInside runs a command inside a dyno that runs already. The answer is this dyno, with the id of the session.
func (a *API) dynoRunInside(r *request) (reply, error) {
	in, err := decode[heroku.DynoCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	if a.beside.Terminals == nil {
		return reply{}, nowhereToAttach()
	}
	app, t, err := a.platform.RunInside(r.Context(), r.actor, r.param("app"), r.param("dyno"), runSpec(in))
	if err != nil {
		return reply{}, err
	}
	out := dyno(app, t.Dyno)
	out.ID, out.Command, out.AttachURL = t.ID, t.Command, a.attachURL(r, t)
	return created(out), nil
}

// dynoResize sets the window of a terminal. Heroku has no such call; our CLI uses it.
func (a *API) dynoResize(r *request) (reply, error) {
	in, err := decode[heroku.Window](r)
	if err != nil {
		return reply{}, err
	}
	if in.Columns == nil || in.Lines == nil || !windowSize(*in.Columns) || !windowSize(*in.Lines) {
		return reply{}, cloister.Errorf(cloister.Invalid, "Columns and lines must be 1 to %d.", cloister.MaxWindow)
	}
	app, err := a.platform.TerminalsOf(r.Context(), r.actor, r.param("app"))
	if err != nil {
		return reply{}, err
	}
	if a.beside.Terminals == nil || !a.beside.Terminals.Resize(app.ID, r.param("dyno"), int(*in.Columns), int(*in.Lines)) {
		return reply{}, cloister.Missing("dyno")
	}
	return done(), nil
}

func windowSize(n heroku.Int) bool { return n >= 1 && n <= cloister.MaxWindow }

func nowhereToAttach() error {
	return cloister.Errorf(cloister.Unavailable, "There is nothing to attach to on this server. Use `heroku run:detached`.")
}

func runSpec(in heroku.DynoCreateOpts) platform.RunSpec {
	out := platform.RunSpec{Command: in.Command, Dial: in.Dial, Env: map[string]cloister.Secret{}, Size: in.Size, Type: in.Type, Attach: in.Attach,
		NoTTY: in.ForceNoTTY}
	for k, v := range in.Env {
		out.Env[k] = cloister.Secret(v)
	}
	if in.TimeToLive != nil {
		if out.TimeToLive = int(*in.TimeToLive); out.TimeToLive == 0 {
			out.TimeToLive = -1 // asked for, and refused; not left out
		}
	}
	return out
}

// attach says in the address that the client ends its input in the way of Heroku's CLI, unless it says something else.
const attach = "eof=eot"

// attachURL is where the client of a terminal goes: to the address that its request came to, so that it works through
// any tunnel, over TLS, with a secret that works once.
func (a *API) attachURL(r *request, t cloister.Terminal) *string {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, "80"
		if r.TLS != nil {
			port = "443"
		}
	}
	u := url.URL{Scheme: "rendezvous", Host: net.JoinHostPort(host, port), Path: "/" + a.beside.Terminals.Offer(t).Reveal(), RawQuery: attach}
	s := u.String()
	return &s
}
