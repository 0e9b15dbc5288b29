package platform

import (
	"context"
	"encoding/pem"
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
	warnings, err := p.apply(ctx, a, ref, in, &e)
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

// apply reads what was uploaded into an endpoint, and returns what its owner should know. Of a chain with holes the rest is got.
func (p *Platform) apply(ctx context.Context, a cloister.Actor, ref string, in EndpointSpec, e *cloister.Endpoint) (warnings []string, err error) {
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
	if err == nil && c.IssuerAt() != "" && p.config.Fetch != nil {
		if err = p.view(ctx, a, func(tx *store.Tx) error { _, err := p.app(tx, a, ref, manageApp); return err }); err == nil {
			c = p.complete(ctx, c, in)
		}
	}
	e.Chain, e.Key, e.Served = *in.Chain, *in.Key, string(c.Served)
	return c.Warnings, err
}

const (
	mostMissing   = 4               // certificates of a chain that are got
	fetchPatience = 5 * time.Second // for each
)

// complete gets the certificates that a chain lacks, from where the ones before say. What can not be had is left out: the warnings
// then say what is missing.
func (p *Platform) complete(ctx context.Context, c cloister.Certified, in EndpointSpec) cloister.Certified {
	chain := *in.Chain
	for range mostMissing {
		at := c.IssuerAt()
		if at == "" {
			return c
		}
		one, cancel := context.WithTimeout(ctx, fetchPatience)
		got, err := p.config.Fetch(one, at)
		cancel()
		if err != nil {
			p.log.Warn("an intermediate certificate was not had", "at", at, "err", err)
			return c
		}
		if block, _ := pem.Decode(got); block != nil {
			got = block.Bytes
		}
		chain += "\n" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: got}))
		next, err := cloister.ReadCertificate(chain, *in.Key, time.Now(), nil)
		if err != nil || len(next.Served) <= len(c.Served) {
			return c // it is no certificate, not the issuer's, or the root
		}
		c = next
	}
	return c
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
	warnings, err := p.apply(ctx, a, ref, in, &next)
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
