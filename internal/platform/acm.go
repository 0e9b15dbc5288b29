package platform

import (
	"context"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// SetACM has the platform get certificates for an app's domains by itself, or no longer: then those that it got are gone.
func (p *Platform) SetACM(ctx context.Context, a cloister.Actor, ref string, on bool) (app AppInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, manageApp); err != nil {
			return err
		}
		if on {
			if err := p.mayCertify(app); err != nil {
				return err
			}
		}
		was := app.App
		if app.ACM = on; was.ACM != on {
			if err := tx.UpdateApp(app.App); err != nil {
				return err
			}
			app.UpdatedAt = tx.Now
		}
		if !on {
			if err := uncertify(tx, app.ID); err != nil {
				return err
			}
		}
		if err := tx.Changed("app", app.ID, "update", "automatic certificates of "+app.Name, was, app.App); err != nil {
			return err
		}
		if err := tx.Touch("acm", app.ID); err != nil {
			return err
		}
		return tx.Touch("app", app.ID)
	})
	return app, err
}

// mayCertify is the error of an app for which no certificates can be had.
func (p *Platform) mayCertify(app AppInfo) error {
	if !p.config.ACM {
		return cloister.Errorf(cloister.Unsupported, "This installation gets no certificates by itself: its operator has to name an ACME server (acme_directory). Add your own with `certs:add`.")
	}
	if app.InternalRouting {
		return cloister.Errorf(cloister.Invalid, "App %s answers inside its space alone, where no certificate authority reaches it. Add a certificate with `certs:add`.", app.Name)
	}
	return nil
}

// uncertify ends what the platform got for an app's domains.
func uncertify(tx *store.Tx, appID string) error {
	endpoints, err := tx.Endpoints(appID)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if e.ACM {
			if err := tx.DeleteEndpoint(e); err != nil {
				return err
			}
		}
	}
	return eachDomain(tx, appID, (*cloister.Domain).ForgetACM)
}

// eachDomain changes those of an app's domains that change changes.
func eachDomain(tx *store.Tx, appID string, change func(*cloister.Domain)) error {
	domains, err := tx.Domains(appID)
	for _, was := range domains {
		d := was
		if change(&d); d != was && err == nil {
			err = tx.UpdateDomain(was, d)
		}
	}
	return err
}

// RefreshACM has the certificates that were not had tried again now.
func (p *Platform) RefreshACM(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, manageApp); err != nil {
			return err
		}
		if !app.ACM {
			return cloister.Errorf(cloister.Invalid, "Automatic Certificate Management is not enabled on %s. Enable it with `certs:auto:enable`.", app.Name)
		}
		if err := eachDomain(tx, app.ID, func(d *cloister.Domain) {
			if slices.Contains([]string{cloister.ACMFailing, cloister.ACMFailed}, d.ACMStatus) {
				d.ForgetACM()
			}
		}); err != nil {
			return err
		}
		if err := tx.Event("app", app.ID, "refresh", "automatic certificates of "+app.Name); err != nil {
			return err
		}
		return tx.Touch("acm", app.ID)
	})
	return app, err
}
