package platform

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// SetClients closes a domain of an app to all but the clients whose certificate one of the given authorities has signed, PEM; with
// "" it is open again. The default domain always works with plain HTTP, so it can not be closed.
func (p *Platform) SetClients(ctx context.Context, a cloister.Actor, ref, domain, authorities string) (out DomainInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		app, info, err := p.domain(tx, a, ref, domain, manageApp)
		if err != nil {
			return err
		}
		if info.Default {
			return cloister.Errorf(cloister.Invalid, "%s is the default domain of %s, which always works with plain HTTP. Add a domain for clients with certificates.", info.Hostname, app.Name)
		}
		was, d := info.Domain, info.Domain
		if d.Clients = ""; authorities != "" {
			if d.Clients, err = cloister.ReadAuthorities(authorities, tx.Now); err != nil {
				return err
			}
		}
		if err := tx.UpdateDomain(was, d); err != nil {
			return err
		}
		d.UpdatedAt = tx.Now
		out = info
		out.Domain = d
		if err := tx.Changed("domain", d.ID, "update", app.Name+" "+d.Hostname, was, d); err != nil {
			return err
		}
		return tx.Touch("app", app.ID)
	})
	return out, err
}
