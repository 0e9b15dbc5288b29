package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/hostname"
	"github.com/cloister-dev/cloister/internal/store"
)

// A DomainInfo is a domain with what is shown beside it.
type DomainInfo struct {
	cloister.Domain
	Default bool   // every app is born with it, and keeps it
	Target  string // what its DNS record has to point to; "": it needs none
}

// DNSTarget is what the DNS records of an app's domains have to point to.
func (p *Platform) DNSTarget(app AppInfo) string { return app.Space.DNSTarget(p.config.DNSSuffix) }

// Domains lists the domains of an app: the default one, and then its own by host name.
func (p *Platform) Domains(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []DomainInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		out, err = p.domains(tx, app)
		return err
	})
	return app, out, err
}

func (p *Platform) domains(tx *store.Tx, app AppInfo) ([]DomainInfo, error) {
	out := []DomainInfo{{Domain: cloister.Domain{ID: cloister.NameID("domain", app.ID), AppID: app.ID, Hostname: app.Host, Ready: true, CreatedAt: app.CreatedAt, UpdatedAt: app.UpdatedAt}, Default: true}}
	own, err := tx.Domains(app.ID)
	if err != nil {
		return nil, err
	}
	for _, d := range own {
		out = append(out, DomainInfo{Domain: d, Target: p.DNSTarget(app)})
	}
	return out, nil
}

// Domain finds a domain of an app by its host name or id.
func (p *Platform) Domain(ctx context.Context, a cloister.Actor, ref, domain string) (app AppInfo, d DomainInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, d, err = p.domain(tx, a, ref, domain, viewApp)
		return err
	})
	return app, d, err
}

func (p *Platform) domain(tx *store.Tx, a cloister.Actor, ref, domain string, v verb) (app AppInfo, d DomainInfo, err error) {
	if app, err = p.app(tx, a, ref, v); err != nil {
		return app, d, err
	}
	all, err := p.domains(tx, app)
	if err != nil {
		return app, d, err
	}
	name := strings.TrimSuffix(strings.ToLower(domain), ".")
	if ascii, err := hostname.Parse(domain); err == nil { // as it was typed when it was added
		name = ascii
	}
	for _, x := range all {
		if x.ID == domain || x.Hostname == name {
			return app, x, nil
		}
	}
	return app, d, cloister.Missing("domain")
}

// own finds a domain that the actor may change: not the default one.
func (p *Platform) own(tx *store.Tx, a cloister.Actor, ref, domain string) (app AppInfo, d DomainInfo, err error) {
	if app, d, err = p.domain(tx, a, ref, domain, manageApp); err == nil && d.Default {
		err = cloister.Errorf(cloister.Invalid, "%s is the default domain of %s, which it keeps. It changes with the app's name.", d.Hostname, app.Name)
	}
	return app, d, err
}

// AddDomain gives an app a host name of its own, and has it served with a certificate of the app's by name or id, unless that is
// "". The name must be nobody else's; names beside those of another team must be proven by a TXT record.
func (p *Platform) AddDomain(ctx context.Context, a cloister.Actor, ref, name, endpoint string) (app AppInfo, out DomainInfo, err error) {
	host, err := hostname.Parse(name, p.config.AppDomain, p.config.DNSSuffix)
	if err != nil {
		return app, out, err
	}
	add := func(proven bool) error {
		return p.update(ctx, a, func(tx *store.Tx) error {
			if app, err = p.app(tx, a, ref, manageApp); err != nil {
				return err
			}
			if err := p.claim(tx, app, host, proven); err != nil {
				return err
			}
			all, err := tx.Domains(app.ID)
			if err != nil {
				return err
			}
			if err := allow(tx, app.Space, cloister.LimitDomains, "App "+app.Name, len(all), len(all)+1); err != nil {
				return err
			}
			d := cloister.Domain{ID: cloister.NewID(), AppID: app.ID, Hostname: host, CreatedAt: tx.Now, UpdatedAt: tx.Now}
			endpoints, err := tx.Endpoints(app.ID)
			if err == nil {
				err = pin(&d, endpoint, endpoints)
			}
			if err != nil {
				return err
			}
			if err := tx.InsertDomain(d, hostname.Registrable(host)); err != nil {
				return err
			}
			out = DomainInfo{Domain: d, Target: p.DNSTarget(app)}
			if err := tx.Changed("domain", d.ID, "create", app.Name+" "+host, nil, d); err != nil {
				return err
			}
			return touchDomains(tx, app)
		})
	}
	err = add(false)
	if unproven := (*unproven)(nil); errors.As(err, &unproven) && p.proven(ctx, app.TeamID, host) {
		err = add(true)
	}
	return app, out, err
}

// unproven is the error of a name beside those of another team.
type unproven struct{ error }

func (u *unproven) Unwrap() error { return u.error }

// proofText is the text of the record that says that a name is a team's.
func proofText(team string) string { return "cloister-team=" + team }

// claim is the error of a name that an app may not have because of others' names.
func (p *Platform) claim(tx *store.Tx, app AppInfo, host string, proven bool) error {
	beside, err := tx.DomainsBelow(hostname.Registrable(host))
	if err != nil {
		return err
	}
	teams := map[string]string{} // of apps
	strangers := false
	for _, o := range beside {
		if o.Hostname == host && o.AppID == app.ID {
			return cloister.Errorf(cloister.Invalid, "Hostname %s is a domain of %s already.", host, app.Name)
		}
		if o.Hostname == host {
			return cloister.Errorf(cloister.Invalid, "%s is currently in use by another app.", host)
		}
		if teams[o.AppID] == "" {
			other, err := tx.App(o.AppID)
			if err != nil {
				return err
			}
			teams[o.AppID] = other.TeamID
		}
		if teams[o.AppID] == app.TeamID {
			continue
		}
		strangers = true
		if parent, wild := o.Wildcard(); wild && (host == parent || within(host, parent)) {
			return cloister.Errorf(cloister.Invalid, "Another team has all names below %s, so %s cannot be yours as well.", parent, host)
		}
		if parent, wild := (cloister.Domain{Hostname: host}).Wildcard(); wild && within(o.Hostname, parent) {
			return cloister.Errorf(cloister.Invalid, "Another team has a name below %s, so all of them cannot be yours. Add those that you need one by one.", parent)
		}
	}
	if strangers && !proven {
		base := strings.TrimPrefix(host, "*.")
		return &unproven{cloister.Errorf(cloister.Invalid, "Another team has a name under %s. To prove that %s is yours, add a TXT record at _cloister.%s with the text %s, and try again when it is there.",
			hostname.Registrable(host), host, base, proofText(app.TeamID))}
	}
	return nil
}

// within reports whether a host name, or those that a wildcard stands for, are below another.
func within(host, parent string) bool {
	return strings.HasSuffix(strings.TrimPrefix(host, "*."), "."+parent) || host == "*."+parent
}

// proofPatience is how long the DNS may take to say whose a name is.
const proofPatience = 10 * time.Second

// proven asks the DNS whether a name is a team's: by a record at the name, or above it, up to what somebody has registered.
func (p *Platform) proven(ctx context.Context, team, host string) bool {
	if p.config.LookupTXT == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, proofPatience)
	defer cancel()
	top := hostname.Registrable(host)
	for name := strings.TrimPrefix(host, "*."); ; {
		records, err := p.config.LookupTXT(ctx, "_cloister."+name)
		if err == nil && slices.ContainsFunc(records, func(r string) bool { return strings.TrimSpace(r) == proofText(team) }) {
			return true
		}
		_, above, ok := strings.Cut(name, ".")
		if name == top || !ok {
			return false
		}
		name = above
	}
}

// pin has a domain served with one of its app's certificates, by name or id; "" with none.
func pin(d *cloister.Domain, endpoint string, endpoints []cloister.Endpoint) error {
	d.EndpointID, d.EndpointName = "", ""
	if endpoint == "" {
		return nil
	}
	i := slices.IndexFunc(endpoints, func(e cloister.Endpoint) bool { return e.ID == endpoint || e.Name == endpoint || e.Label == endpoint })
	if i < 0 {
		return cloister.Missing("sni_endpoint")
	}
	if err := covers(endpoints[i], d.Hostname); err != nil {
		return err
	}
	d.EndpointID, d.EndpointName = endpoints[i].ID, endpoints[i].Name
	return nil
}

// covers is the error of a certificate that is not for a host name.
func covers(e cloister.Endpoint, host string) error {
	leaf, err := e.Leaf()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return cloister.Covers(n, host) }) {
		return cloister.Errorf(cloister.Invalid, "Certificate %s is for %s, and not for %s: clients would not accept it.", e.Name, cloister.Words(strings.Join(leaf.DNSNames, ", "), 200), host)
	}
	return nil
}

// PinDomain has a domain served with another certificate of the app's, by name or id; "" with none.
func (p *Platform) PinDomain(ctx context.Context, a cloister.Actor, ref, domain, endpoint string) (app AppInfo, out DomainInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, out, err = p.own(tx, a, ref, domain); err != nil {
			return err
		}
		endpoints, err := tx.Endpoints(app.ID)
		if err != nil {
			return err
		}
		was, d := out.Domain, out.Domain
		if err := pin(&d, endpoint, endpoints); err != nil {
			return err
		}
		if err := tx.UpdateDomain(was, d); err != nil {
			return err
		}
		d.UpdatedAt = tx.Now
		out.Domain = d
		if err := tx.Changed("domain", d.ID, "update", app.Name+" "+d.Hostname, was, d); err != nil {
			return err
		}
		return touchDomains(tx, app)
	})
	return app, out, err
}

// RemoveDomain takes a domain from its app.
func (p *Platform) RemoveDomain(ctx context.Context, a cloister.Actor, ref, domain string) (app AppInfo, out DomainInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, out, err = p.own(tx, a, ref, domain); err != nil {
			return err
		}
		if err := tx.DeleteDomain(out.Domain); err != nil {
			return err
		}
		if err := tx.Changed("domain", out.ID, "destroy", app.Name+" "+out.Hostname, out.Domain, nil); err != nil {
			return err
		}
		return touchDomains(tx, app)
	})
	return app, out, err
}

// touchDomains has routers told of an app's names, and its certificates looked at.
func touchDomains(tx *store.Tx, app AppInfo) error {
	if app.ACM {
		if err := tx.Touch("acm", app.ID); err != nil {
			return err
		}
	}
	return tx.Touch("app", app.ID)
}

// trailOf is what the audit trail has of an endpoint: whom its certificate is for and whose it is, and not its text.
func trailOf(e cloister.Endpoint) map[string]string {
	out := map[string]string{"name": e.Name, "label": e.Label}
	if leaf, err := e.Leaf(); err == nil {
		out["names"], out["serial"] = strings.Join(leaf.DNSNames, " "), fmt.Sprintf("%x", leaf.SerialNumber)
		out["expires_at"] = leaf.NotAfter.UTC().Format(time.RFC3339)
	}
	return out
}
