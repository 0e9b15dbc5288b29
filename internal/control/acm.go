package control

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/acm"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// An Issuer gets certificates. *acm.Issuer does.
type Issuer interface {
	Obtain(ctx context.Context, host string, stage acm.Stage) (chain string, key cloister.Secret, err error)
}

// stepACM gets one certificate for one of an app's domains, if one is due. An order is one step: what it takes is asked for and
// answered within it, and whoever is killed in the middle begins another one.
func (c *Control) stepACM(ctx context.Context, appID string) (time.Duration, error) {
	app, p, domain, err := c.acmPlan(ctx, appID)
	if gone(err, "app") {
		return 0, nil
	}
	if err != nil || !app.ACM || c.config.ACM == nil || p.Obtain == "" {
		return p.Again, err
	}
	chain, key, err := c.config.ACM.Obtain(ctx, domain.Hostname, stage{c})
	if ctx.Err() != nil && err != nil {
		return 0, err // it says nothing about the name
	}
	issued, certified := c.issued(domain, chain, key, err)
	err = c.store.Update(ctx, func(tx *store.Tx) error { return c.keep(tx, appID, issued, certified) })
	return time.Millisecond, err // what is next
}

// acmPlan reads what an app has, says of the domain that is next that its certificate is ordered, and tidies up.
func (c *Control) acmPlan(ctx context.Context, appID string) (app cloister.App, p plan.ACMPlan, domain cloister.Domain, err error) {
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		if app, err = tx.App(appID); err != nil || !app.ACM {
			return err
		}
		in := plan.ACMInput{Now: tx.Now}
		if in.Domains, err = tx.Domains(appID); err != nil {
			return err
		}
		if in.Endpoints, err = tx.Endpoints(appID); err != nil {
			return err
		}
		p = plan.ACM(in)
		for _, e := range p.Drop {
			if err := tx.DeleteEndpoint(e); err != nil {
				return err
			}
		}
		for _, was := range p.Idle {
			d := was
			d.ForgetACM()
			if err := tx.UpdateDomain(was, d); err != nil {
				return err
			}
		}
		i := slices.IndexFunc(in.Domains, func(d cloister.Domain) bool { return d.ID == p.Obtain })
		if i < 0 || c.config.ACM == nil {
			return nil
		}
		if domain = in.Domains[i]; domain.ACMStatus == "" {
			was := domain
			domain.ACMStatus = cloister.ACMOrdered
			return tx.UpdateDomain(was, domain)
		}
		return nil
	})
	return app, p, domain, err
}

// issued is a domain after its certificate was asked for, and the certificate if there is one. What an authority has sent is looked
// at as if somebody had uploaded it.
func (c *Control) issued(d cloister.Domain, chain string, key cloister.Secret, err error) (cloister.Domain, *cloister.Endpoint) {
	now := time.Now()
	var f *acm.Failure
	if errors.As(err, &f) {
		c.log.Warn("a certificate was not had", "domain", d.Hostname, "why", f.Reason, "err", errors.Unwrap(f))
		return plan.ACMFailed(d, f.Reason, f.Wait, f.Final, now), nil
	}
	if err == nil {
		read, wrong := cloister.ReadCertificate(chain, key, now, nil)
		if wrong == nil && read.Covers(d.Hostname) {
			d.ForgetACM()
			d.ACMStatus = cloister.ACMIssued
			return d, &cloister.Endpoint{Chain: chain, Served: string(read.Served), Key: key, ACM: true}
		}
		err = errors.Join(wrong, errors.New("it is not for the name"))
	}
	c.log.Error("a certificate was not had", "domain", d.Hostname, "err", err)
	return plan.ACMFailed(d, "The certificate authority sent something that cannot be used. It is asked again.", time.Minute, false, now), nil
}

// keep records how it went, unless the domain is gone, or served with something else by now.
func (c *Control) keep(tx *store.Tx, appID string, d cloister.Domain, e *cloister.Endpoint) error {
	app, err := tx.App(appID)
	if cloister.KindOf(err) == cloister.NotFound || err == nil && !app.ACM {
		return nil
	}
	if err != nil {
		return err
	}
	domains, err := tx.Domains(appID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(domains, func(x cloister.Domain) bool { return x.ID == d.ID })
	if i < 0 || domains[i].EndpointID != d.EndpointID {
		return nil
	}
	was := domains[i]
	next := was
	next.ACMStatus, next.ACMReason, next.ACMTries, next.ACMNext = d.ACMStatus, d.ACMReason, d.ACMTries, d.ACMNext
	if e != nil {
		if next.EndpointID, err = c.serveWith(tx, was, *e); err != nil {
			return err
		}
		if err := tx.Event("domain", d.ID, "certify", app.Name+" "+d.Hostname); err != nil {
			return err
		}
		for _, kind := range []string{"app", "staple"} {
			if err := tx.Touch(kind, appID); err != nil {
				return err
			}
		}
	}
	return tx.UpdateDomain(was, next)
}

// serveWith puts a certificate in the place of the one that a domain is served with, or beside.
func (c *Control) serveWith(tx *store.Tx, d cloister.Domain, e cloister.Endpoint) (id string, err error) {
	all, err := tx.Endpoints(d.AppID)
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(all, func(x cloister.Endpoint) bool { return x.ID == d.EndpointID && x.ACM }); i >= 0 {
		next := all[i]
		next.Chain, next.Served, next.Key = e.Chain, e.Served, e.Key
		return next.ID, tx.UpdateEndpoint(all[i], next)
	}
	e.ID, e.AppID, e.CreatedAt, e.UpdatedAt = cloister.NewID(), d.AppID, tx.Now, tx.Now
	e.Name = "acm-" + e.ID[:8] + e.ID[9:13]
	return e.ID, tx.InsertEndpoint(e)
}

// A stage has routers answer certificate authorities.
type stage struct{ c *Control }

// Show returns when all routers work by a table that has the challenge.
func (s stage) Show(ctx context.Context, ch cloister.Challenge) error {
	version := s.c.routes.ask(ch)
	for !s.c.router.Drained(netip.AddrPort{}, version) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// Hide ends the challenges of a name.
func (s stage) Hide(host string) { s.c.routes.unask(host) }
