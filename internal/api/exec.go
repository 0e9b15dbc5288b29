package api

import (
	"net"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// execRoutes is what Heroku's CLI asks of HEROKU_EXEC_URL before it comes into a dyno by SSH. The app is the name that it
// signs in by, the token the password.
func (a *API) execRoutes(r chi.Router) {
	r.Get("/api/v2", a.do(a.execList))
	r.Put("/api/v2/{dyno}", a.do(a.execEnter))
}

// execList lists the dynos that one can go into: all that are up.
func (a *API) execList(r *request) (reply, error) {
	app, _, _ := r.BasicAuth()
	if _, err := a.platform.TerminalsOf(r.Context(), r.actor, app); err != nil {
		return reply{}, err
	}
	_, all, err := a.platform.Dynos(r.Context(), r.actor, app)
	if err != nil {
		return reply{}, err
	}
	out := heroku.List[heroku.ExecDyno]{}
	for _, d := range all {
		if d.State == cloister.DynoUp {
			out = append(out, heroku.ExecDyno{DynoName: d.Name()})
		}
	}
	return ok(out), nil
}

func (a *API) execEnter(r *request) (reply, error) {
	in, err := decode[heroku.ExecOpts](r)
	if err != nil {
		return reply{}, err
	}
	if a.beside.Shells == nil {
		return reply{}, cloister.Errorf(cloister.Unavailable, "Nobody comes into dynos by SSH on this server. Use `cloister ps:exec`.")
	}
	app, _, _ := r.BasicAuth()
	info, d, err := a.platform.Enter(r.Context(), r.actor, app, r.param("dyno"))
	if err != nil {
		return reply{}, err
	}
	user, key, err := a.beside.Shells.Offer(r.actor, info.ID, d.ID, in.ClientKey)
	host, _, bad := net.SplitHostPort(r.Host)
	if bad != nil {
		host = r.Host
	}
	return ok(heroku.Exec{TunnelHost: host, ClientUser: user, ProxyPublicKey: key, DynoIP: d.Address.String()}), err
}
