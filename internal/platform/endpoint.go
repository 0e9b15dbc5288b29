package platform

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An EndpointInfo is an SNI endpoint with the domains that are served with it.
type EndpointInfo struct {
	cloister.Endpoint
	Domains  []cloister.Domain
	Warnings []string // what its owner should know of the certificate
}

// An EndpointSpec is a certificate with its key, as people upload them. What is nil stays.
type EndpointSpec struct {
	Chain *string
	Key   *cloister.Secret
	Label *string
}

// Endpoints lists the SNI endpoints of an app, the oldest first. Their keys are not told to anybody.
func (p *Platform) Endpoints(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []EndpointInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		out, err = endpoints(tx, app.ID)
		return err
	})
	return app, out, err
}

func endpoints(tx *store.Tx, appID string) (out []EndpointInfo, err error) {
	all, err := tx.Endpoints(appID)
	if err != nil {
		return nil, err
	}
	domains, err := tx.Domains(appID)
	for _, e := range all {
		x := EndpointInfo{Endpoint: e}
		for _, d := range domains {
			if d.EndpointID == e.ID {
				x.Domains = append(x.Domains, d)
			}
		}
		x.Key = ""
		out = append(out, x)
	}
	return out, err
}

// Endpoint finds an SNI endpoint of an app by name or id.
func (p *Platform) Endpoint(ctx context.Context, a cloister.Actor, ref, endpoint string) (app AppInfo, e EndpointInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, e, err = p.endpoint(tx, a, ref, endpoint, viewApp)
		return err
	})
	return app, e, err
}

func (p *Platform) endpoint(tx *store.Tx, a cloister.Actor, ref, endpoint string, v verb) (app AppInfo, e EndpointInfo, err error) {
	if app, err = p.app(tx, a, ref, v); err != nil {
		return app, e, err
	}
	all, err := endpoints(tx, app.ID)
	if err != nil {
		return app, e, err
	}
	i := slices.IndexFunc(all, func(x EndpointInfo) bool {
		return x.ID == endpoint || strings.EqualFold(x.Name, endpoint) || x.Label != "" && x.Label == endpoint
	})
	if i < 0 {
		return app, e, cloister.Missing("sni_endpoint")
	}
	return app, all[i], nil
}

// AddEndpoint gives an app a certificate. No domain is served with it before one is pinned to it.
func (p *Platform) AddEndpoint(ctx context.Context, a cloister.Actor, ref string, in EndpointSpec) (app AppInfo, out EndpointInfo, err error) {
	if in.Chain == nil || in.Key == nil {
		return app, out, cloister.Errorf(cloister.Invalid, "A certificate takes certificate_chain and private_key, both PEM.")
	}
	e := cloister.Endpoint{ID: cloister.NewID(), Name: randomName()}
	warnings, err := in.apply(&e)
	if err != nil {
		return app, out, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, manageApp); err != nil {
			return err
		}
		all, err := tx.Endpoints(app.ID)
		if err != nil {
			return err
		}
		if err := allow(tx, app.Space, cloister.LimitCertificates, "App "+app.Name, len(all), len(all)+1); err != nil {
			return err
		}
		if err := free(e, all); err != nil {
			return err
		}
		e.AppID, e.CreatedAt, e.UpdatedAt = app.ID, tx.Now, tx.Now
		if err := tx.InsertEndpoint(e); err != nil {
			return err
		}
		if err := tx.Changed("sni_endpoint", e.ID, "create", app.Name+" "+e.Name, nil, trailOf(e)); err != nil {
			return err
		}
		return touchEndpoints(tx, app)
	})
	e.Key = ""
	return app, EndpointInfo{Endpoint: e, Warnings: warnings}, err
}

// apply reads what was uploaded into an endpoint, and returns what its owner should know.
func (in EndpointSpec) apply(e *cloister.Endpoint) (warnings []string, err error) {
	if in.Label != nil {
		if err := cloister.ValidEndpointLabel(*in.Label); err != nil {
			return nil, err
		}
		e.Label = *in.Label
	}
	if in.Chain == nil && in.Key == nil {
		return nil, nil
	}
	if in.Chain == nil || in.Key == nil {
		return nil, cloister.Errorf(cloister.Invalid, "Another certificate takes both certificate_chain and private_key.")
	}
	c, err := cloister.ReadCertificate(*in.Chain, *in.Key, time.Now(), nil)
	e.Chain, e.Key, e.Served = *in.Chain, *in.Key, string(c.Served)
	return c.Warnings, err
}

// free is the error of a label that another endpoint of the app has.
func free(e cloister.Endpoint, all []cloister.Endpoint) error {
	if e.Label != "" && slices.ContainsFunc(all, func(o cloister.Endpoint) bool { return o.ID != e.ID && (o.Label == e.Label || o.Name == e.Label) }) {
		return cloister.Errorf(cloister.Invalid, "Display name %s is already taken. Choose another one.", e.Label)
	}
	return nil
}

// ChangeEndpoint puts another certificate in the place of one, from one moment to the next, or gives it another label. It must be
// for all domains that are served with it.
func (p *Platform) ChangeEndpoint(ctx context.Context, a cloister.Actor, ref, endpoint string, in EndpointSpec) (app AppInfo, out EndpointInfo, err error) {
	var next cloister.Endpoint
	warnings, err := in.apply(&next)
	if err != nil {
		return app, out, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, out, err = p.endpoint(tx, a, ref, endpoint, manageApp); err != nil {
			return err
		}
		all, err := tx.Endpoints(app.ID)
		if err != nil {
			return err
		}
		was := all[slices.IndexFunc(all, func(e cloister.Endpoint) bool { return e.ID == out.ID })] // with its key
		if was.ACM {
			return cloister.Errorf(cloister.Invalid, "Certificate %s is kept by the platform itself. Add another one beside it, and have its domains served with that.", was.Name)
		}
		e := was
		if in.Label != nil {
			e.Label = next.Label
		}
		if in.Chain != nil {
			e.Chain, e.Key, e.Served = next.Chain, next.Key, next.Served
		}
		if err := free(e, all); err != nil {
			return err
		}
		for _, d := range out.Domains {
			if err := covers(e, d.Hostname); err != nil {
				return err
			}
		}
		if err := tx.UpdateEndpoint(was, e); err != nil {
			return err
		}
		e.UpdatedAt = tx.Now
		out.Endpoint, out.Warnings = e, warnings
		if err := tx.Changed("sni_endpoint", e.ID, "update", app.Name+" "+e.Name, trailOf(was), trailOf(e)); err != nil {
			return err
		}
		return touchEndpoints(tx, app)
	})
	out.Key = ""
	return app, out, err
}

// RemoveEndpoint takes a certificate from an app. Domains that were served with it have none then.
func (p *Platform) RemoveEndpoint(ctx context.Context, a cloister.Actor, ref, endpoint string) (app AppInfo, out EndpointInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, out, err = p.endpoint(tx, a, ref, endpoint, manageApp); err != nil {
			return err
		}
		if err := tx.DeleteEndpoint(out.Endpoint); err != nil {
			return err
		}
		if err := tx.Changed("sni_endpoint", out.ID, "destroy", app.Name+" "+out.Name, trailOf(out.Endpoint), nil); err != nil {
			return err
		}
		return tx.Touch("app", app.ID)
	})
	return app, out, err
}

// touchEndpoints has routers told of an app's certificates, and their authorities asked about them.
func touchEndpoints(tx *store.Tx, app AppInfo) error {
	if err := tx.Touch("staple", app.ID); err != nil {
		return err
	}
	return tx.Touch("app", app.ID)
}
