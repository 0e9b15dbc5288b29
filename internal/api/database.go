package api

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// Services are the data services that run. Whether the caller may is not asked of them.
type Services interface {
	// Info is what an add-on says of itself now.
	Info(ctx context.Context, addonID string) ([]cloister.Fact, error)
	// Settings are those of its service.
	Settings(ctx context.Context, addonID string) ([]cloister.Setting, error)
	// Do has something done to it, by its name.
	Do(ctx context.Context, addonID, what string) error
}

// Bastions let people at data services inside spaces by SSH.
type Bastions interface {
	// OfferData makes a key with which the actor may come as the user bastion, and says where to. host is as the client knows us.
	OfferData(actor cloister.Actor, addonID, host string) (b Bastion, err error)
}

// A Bastion is where somebody may come to a data service, and with what.
type Bastion struct {
	Host    string
	Port    int
	Key     cloister.Secret // OpenSSH's form, PEM
	HostKey string          // "ssh-ed25519 AAAA…"
}

// databaseRoutes are the data API, whose paths name what asks: pg commands ask /client and /postgres, redis commands /redis.
func (a *API) databaseRoutes(r chi.Router) {
	if a.beside.Services == nil {
		a.beside.Services = noServices{}
	}
	r.Get("/client/v11/databases/{addon}", a.do(a.databaseInfo))
	r.Get("/client/v11/databases/{addon}/wait_status", a.do(a.databaseWait))
	r.Get("/client/v11/databases/{addon}/bastion", a.do(a.databaseBastion))
	r.Put("/client/v11/databases/{addon}/reset", a.do(a.databaseDo("reset")))
	r.Put("/client/v11/databases/{addon}/stats_reset", a.do(a.databaseDo("stats_reset")))
	r.Put("/client/v11/databases/{addon}/unfollow", a.do(a.databaseDo("unfollow")))
	r.Post("/client/v11/databases/{addon}/connection_reset", a.do(a.databaseDo("connection_reset")))
	r.Post("/client/v11/databases/{addon}/failover", a.do(a.databaseDo("failover"))) // Cloister's own
	r.Get("/redis/v0/databases/{addon}", a.do(a.databaseInfo))
	r.Get("/redis/v0/databases/{addon}/wait", a.do(a.databaseWait))
	r.Post("/redis/v0/databases/{addon}/stats/reset", a.do(a.databaseDo("stats_reset")))
	for _, of := range []string{"/postgres/v0", "/redis/v0"} {
		r.Get(of+"/databases/{addon}/config", a.do(a.databaseSettings))
		r.Patch(of+"/databases/{addon}/config", a.do(a.databaseSet))
		r.Post(of+"/databases/{addon}/credentials_rotation", a.do(a.credentialRotate))
	}
	r.Get("/postgres/v0/databases/{addon}/credentials", a.do(a.credentialList))
	r.Post("/postgres/v0/databases/{addon}/credentials", a.do(a.credentialCreate))
	r.Get("/postgres/v0/databases/{addon}/credentials/{credential}", a.do(a.credentialInfo))
	r.Delete("/postgres/v0/databases/{addon}/credentials/{credential}", a.do(a.credentialDelete))
	r.Post("/postgres/v0/databases/{addon}/credentials/{credential}/credentials_rotation", a.do(a.credentialRotate))
}

func (a *API) databaseInfo(r *request) (reply, error) {
	x, err := a.platform.SeeAddon(r.Context(), r.actor, r.param("addon"))
	if err != nil {
		return reply{}, err
	}
	facts, err := a.beside.Services.Info(r.Context(), x.ID)
	out := heroku.Database{Name: x.Name, Plan: x.Service.Name + ":" + x.Plan.Name, PreferNativeTLS: true,
		Info: each(facts, func(f cloister.Fact) heroku.DatabaseFact {
			return heroku.DatabaseFact{Name: f.Name, Values: f.Values}
		})}
	if _, all, err := a.platform.Credentials(r.Context(), r.actor, x.ID); err == nil { // who may not see it gets all the rest
		out.ResourceURL = a.address(r, x, all[:min(1, len(all))]).String()
	}
	return ok(out), err
}

// address is where a credential signs in; empty while it has none.
func (a *API) address(r *request, x platform.AddonInfo, credential []cloister.Credential) *url.URL {
	out := &url.URL{}
	for _, c := range credential {
		vars, err := a.platform.AddonConfig(r.Context(), r.actor, x.ID, c.Namespace())
		if err != nil {
			return out
		}
		if parsed, err := url.Parse(vars[x.Service.Prefix+"_URL"].Reveal()); err == nil {
			out = parsed
		}
	}
	return out
}

func (a *API) databaseWait(r *request) (reply, error) {
	x, err := a.platform.SeeAddon(r.Context(), r.actor, r.param("addon"))
	out := heroku.DatabaseWait{Message: "available"}
	switch {
	case x.State == cloister.Provisioning:
		out = heroku.DatabaseWait{Waiting: true, Message: "Provisioning"}
	case x.State == cloister.Deprovisioning:
		out = heroku.DatabaseWait{Error: true, Message: "It is being destroyed"}
	case x.Changing:
		out = heroku.DatabaseWait{Waiting: true, Message: "Changing"}
	}
	return ok(out), err
}

// noServices stands where there are no data services.
type noServices struct{}

var errNoServices = cloister.Errorf(cloister.Unsupported, "This server runs no data services.")

func (noServices) Info(context.Context, string) ([]cloister.Fact, error) { return nil, errNoServices }
func (noServices) Settings(context.Context, string) ([]cloister.Setting, error) {
	return nil, errNoServices
}
func (noServices) Do(context.Context, string, string) error { return errNoServices }

// databaseBastion lets who may read the add-on's config vars come to it, which have its password in them.
func (a *API) databaseBastion(r *request) (reply, error) {
	x, err := a.platform.ReadAddon(r.Context(), r.actor, r.param("addon"))
	if err != nil {
		return reply{}, err
	}
	if a.beside.Bastions == nil {
		return reply{}, errNoServices
	}
	b, err := a.beside.Bastions.OfferData(r.actor, x.ID, r.Host)
	return ok(heroku.Bastion{Host: &b.Host, PrivateKey: heroku.Pointer(b.Key.Reveal()), Port: b.Port, HostKey: b.HostKey}), err
}

// databaseDo has something done to a data service. The answer comes when it is done.
func (a *API) databaseDo(what string) handler {
	return func(r *request) (reply, error) {
		x, err := a.platform.OperateAddon(r.Context(), r.actor, r.param("addon"), what)
		if err == nil {
			err = a.beside.Services.Do(r.Context(), x.ID, what)
		}
		return ok(heroku.Done{Message: "Done."}), err
	}
}

func (a *API) databaseSettings(r *request) (reply, error) {
	x, err := a.platform.SeeAddon(r.Context(), r.actor, r.param("addon"))
	if err != nil {
		return reply{}, err
	}
	return a.settings(r, x)
}

func (a *API) settings(r *request, x platform.AddonInfo) (reply, error) {
	all, err := a.beside.Services.Settings(r.Context(), x.ID)
	out := map[string]heroku.DatabaseSetting{}
	for _, s := range all {
		out[s.Name] = heroku.DatabaseSetting{Value: plainValue(s.Value), Values: s.Values}
	}
	return ok(out), err
}

// plainValue is a setting's value as JSON has it: a number, true or false, or text.
func plainValue(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	if s == "true" || s == "false" {
		return s == "true"
	}
	return s
}

func (a *API) databaseSet(r *request) (reply, error) {
	in, err := decode[map[string]any](r)
	if err != nil {
		return reply{}, err
	}
	set := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		switch v := in[name].(type) {
		case nil:
			set[name] = ""
		case float64:
			set[name] = strconv.FormatFloat(v, 'f', -1, 64)
		case string, bool:
			set[name] = fmt.Sprint(v)
		default:
			return reply{}, cloister.Errorf(cloister.Invalid, "The value of %s must be text, a number, true or false.", name)
		}
	}
	x, err := a.platform.SetAddon(r.Context(), r.actor, r.param("addon"), set)
	if err != nil {
		return reply{}, err
	}
	return a.settings(r, x)
}

func (a *API) credentialList(r *request) (reply, error) {
	x, all, err := a.platform.Credentials(r.Context(), r.actor, r.param("addon"))
	return ok(heroku.List[heroku.Credential](each(all, func(c cloister.Credential) heroku.Credential { return a.credential(r, x, c) }))), err
}

func (a *API) credentialInfo(r *request) (reply, error) {
	x, all, err := a.platform.Credentials(r.Context(), r.actor, r.param("addon"))
	if err != nil {
		return reply{}, err
	}
	i := slices.IndexFunc(all, func(c cloister.Credential) bool { return c.Name == r.param("credential") })
	if i < 0 {
		return reply{}, cloister.Missing("credential")
	}
	return ok(a.credential(r, x, all[i])), nil
}

func (a *API) credential(r *request, x platform.AddonInfo, c cloister.Credential) heroku.Credential {
	u := a.address(r, x, []cloister.Credential{c})
	port, _ := strconv.Atoi(u.Port()) // 0 while there is none
	user := c.User
	if u.User != nil { // each password may have a user of its own
		user = u.User.Username()
	}
	out := heroku.Credential{Name: c.Name, State: string(c.State), Host: u.Hostname(), Port: port, Credentials: heroku.List[heroku.CredentialLogin]{
		{User: user, Password: c.Password.Reveal(), State: string(c.State)}}}
	if len(u.Path) > 1 {
		out.Database = u.Path[1:]
	}
	return out
}

func (a *API) credentialCreate(r *request) (reply, error) {
	in, err := decode[heroku.CredentialOpts](r)
	if err != nil {
		return reply{}, err
	}
	_, err = a.platform.AddCredential(r.Context(), r.actor, r.param("addon"), in.Name)
	return created(heroku.Done{Message: "The credential is being made."}), err
}

func (a *API) credentialDelete(r *request) (reply, error) {
	_, err := a.platform.RemoveCredential(r.Context(), r.actor, r.param("addon"), r.param("credential"))
	return ok(heroku.Done{Message: "The credential is being destroyed."}), err
}

// credentialRotate gives one credential another password, or all where the path names none.
func (a *API) credentialRotate(r *request) (reply, error) {
	in, err := decode[heroku.RotationOpts](r)
	if err != nil {
		return reply{}, err
	}
	_, err = a.platform.RotateCredential(r.Context(), r.actor, r.param("addon"), r.param("credential"), in.Forced)
	return ok(heroku.Done{Message: "The credentials are being rotated."}), err
}
