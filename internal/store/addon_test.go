package store_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func newService(tx *store.Tx, name, prefix string) cloister.AddonService {
	return cloister.AddonService{ID: cloister.NewID(), Name: name, HumanName: "The " + name, Kind: "partner", Prefix: prefix, First: "MAIN", Datastore: true,
		Shared: true, State: cloister.ServiceOffered, Provider: cloister.Provider{Slug: name, URL: "https://example.com/r", SSOURL: "https://example.com/s",
			Password: "hush", Salt: "salt", Vars: []string{prefix + "_URL"}, Requires: []string{"log_input"}}, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func newPlan(tx *store.Tx, s cloister.AddonService, name string) cloister.Plan {
	return cloister.Plan{ID: cloister.NewID(), ServiceID: s.ID, Name: name, HumanName: "Plan " + name, Description: "d", Cents: 1200, Default: true, Inside: true,
		Regions: []string{"virginia"}, Shape: cloister.Shape{Memory: 1 << 30, CPU: 500, Disk: 5 << 40, Connections: 20, Standby: true}, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func newAddon(tx *store.Tx, name string, p cloister.Plan, app cloister.App) cloister.Addon {
	return cloister.Addon{ID: cloister.NewID(), Name: name, ServiceID: p.ServiceID, PlanID: p.ID, AppID: app.ID, SpaceID: app.SpaceID,
		Region: "virginia", Options: map[string]string{"version": "17"}, Settings: map[string]string{"log": "all"}, State: cloister.Provisioning,
		Message: "soon", ProviderID: "x-1", Secrets: map[string]cloister.Secret{"ca": "key"}, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

// stocked is a store with a service, a plan, an app with a release, and an add-on of it.
func stocked(t *testing.T, s *store.Store) (x seeds, service cloister.AddonService, plan cloister.Plan, a cloister.Addon) {
	t.Helper()
	x = seed(t, s)
	update(t, s, func(tx *store.Tx) error {
		service = newService(tx, "vault", "VAULT")
		plan = newPlan(tx, service, "private-0")
		a = newAddon(tx, "vault-round-1", plan, x.app)
		if err := tx.InsertService(service); err != nil {
			return err
		}
		if err := tx.PutPlan(plan); err != nil {
			return err
		}
		if _, err := tx.AddRelease(x.app, cloister.Release{Config: x.app.Config, Description: "Initial release"}, "private-s"); err != nil {
			return err
		}
		return tx.InsertAddon(a)
	})
	return x, service, plan, a
}

func TestServicesHavePlans(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		_, service, plan, a := stocked(t, s)
		same(t, read(t, s, func(tx *store.Tx) (cloister.AddonService, error) { return tx.Service("vault") }), service)
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.AddonService, error) { return tx.Services() }), []cloister.AddonService{service})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Plan, error) { return tx.Plan(service.ID, "private-0") }), plan)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Plan(service.ID, "private-1"); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertService(newService(tx, "vault", "V")) })

		service.HumanName, service.State, service.Provider.Password = "Renamed", cloister.ServiceShutdown, "other"
		update(t, s, func(tx *store.Tx) error { service.UpdatedAt = tx.Now; return tx.UpdateService(service) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.AddonService, error) { return tx.Service(service.ID) }), service)

		cheap := plan
		update(t, s, func(tx *store.Tx) error {
			cheap.ID, cheap.Name, cheap.Cents, cheap.Regions = cloister.NewID(), "private-00", 7, nil
			plan.Cents, plan.UpdatedAt, cheap.CreatedAt, cheap.UpdatedAt = 9, tx.Now, tx.Now, tx.Now
			if err := tx.PutPlan(cheap); err != nil {
				return err
			}
			return tx.PutPlan(plan)
		})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Plan, error) { return tx.Plans(service.ID) }), []cloister.Plan{cheap, plan})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Plan, error) { return tx.AllPlans() }), []cloister.Plan{cheap, plan})

		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.DeletePlan(plan.ID) })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.DeleteService(service.ID) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteAddon(a.ID) })
		update(t, s, func(tx *store.Tx) error { return tx.DeletePlan(plan.ID) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteService(service.ID) })
		same(t, len(read(t, s, func(tx *store.Tx) ([]cloister.Plan, error) { return tx.AllPlans() })), 0)
	})
}

func TestAnAddonOutlivesItsApp(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x, service, _, a := stocked(t, s)
		same(t, read(t, s, func(tx *store.Tx) (cloister.Addon, error) { return tx.Addon("vault-round-1") }), a)
		a.Name, a.Settings, a.State, a.Message, a.ProviderID, a.Changing = "vault", map[string]string{}, cloister.Provisioned, "", "x-2", true
		a.Secrets = map[string]cloister.Secret{}
		update(t, s, func(tx *store.Tx) error { a.UpdatedAt = tx.Now; return tx.UpdateAddon(a) })
		for _, f := range []store.AddonFilter{{}, {App: x.app.ID}, {Space: x.space.ID}, {Service: service.ID}} {
			same(t, read(t, s, func(tx *store.Tx) ([]cloister.Addon, error) { return tx.Addons(f) }), []cloister.Addon{a})
		}
		for _, f := range []store.AddonFilter{{App: a.ID}, {Space: a.ID}, {Service: a.ID}} {
			same(t, len(read(t, s, func(tx *store.Tx) ([]cloister.Addon, error) { return tx.Addons(f) })), 0)
		}
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error {
			b := a
			b.ID = cloister.NewID()
			return tx.InsertAddon(b)
		})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
		a.State = cloister.Deprovisioning
		view(t, s, func(tx *store.Tx) error {
			left, err := tx.Addon(a.ID)
			a.UpdatedAt = left.UpdatedAt
			same(t, left, a)
			if err != nil {
				return err
			}
			_, touched, err := tx.WorkFor("addon", a.ID)
			same(t, touched, true)
			return err
		})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteAddon(a.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteAddon(a.ID) })
	})
}

func TestAttachmentsMakeConfigVars(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x, _, _, a := stocked(t, s)
		attach := func(name, namespace string) (at cloister.Attachment) {
			update(t, s, func(tx *store.Tx) error {
				at = cloister.Attachment{ID: cloister.NewID(), AddonID: a.ID, AppID: x.app.ID, Name: name, Namespace: namespace, CreatedAt: tx.Now, UpdatedAt: tx.Now}
				return tx.InsertAttachment(at)
			})
			return at
		}
		rebind := func() (made bool) {
			update(t, s, func(tx *store.Tx) error {
				app, err := tx.App(x.app.ID)
				if err == nil {
					_, made, err = tx.Rebind(app, cloister.Release{Description: "Update"}, "private-s")
				}
				return err
			})
			return made
		}
		vars := func() map[string]cloister.Secret {
			return read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App(x.app.ID) }).Config
		}
		config := func(namespace string, v map[string]cloister.Secret) {
			update(t, s, func(tx *store.Tx) error { return tx.PutAddonConfig(a.ID, namespace, v) })
		}

		main := attach("MAIN", "")
		same(t, read(t, s, func(tx *store.Tx) (cloister.Attachment, error) { return tx.Attachment(main.ID) }), main)
		same(t, rebind(), false)
		config("", map[string]cloister.Secret{"VAULT_URL": "u", "VAULT": "v", "OTHER": "o", "VAULTED": "d"})
		config("credential:reader", map[string]cloister.Secret{"VAULT_URL": "r"})
		same(t, rebind(), true)
		same(t, rebind(), false)
		own := x.app.Config
		same(t, vars(), cloister.WithAttached(own, nil, map[string]cloister.Secret{"MAIN_URL": "u", "MAIN": "v", "OTHER": "o", "VAULTED": "d"}))
		same(t, read(t, s, func(tx *store.Tx) (cloister.Release, error) { return tx.CurrentRelease(x.app.ID) }).Attached, []string{"MAIN", "MAIN_URL", "OTHER", "VAULTED"})

		reader := attach("READER", "credential:reader")
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error {
			r := reader
			r.ID = cloister.NewID()
			return tx.InsertAttachment(r)
		})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Attachment, error) { return tx.Attachments(x.app.ID) }), []cloister.Attachment{main, reader})
		same(t, len(read(t, s, func(tx *store.Tx) ([]cloister.Attachment, error) { return tx.AttachmentsOf(a.ID) })), 2)
		same(t, rebind(), true)
		same(t, vars()["READER_URL"], cloister.Secret("r"))
		same(t, read(t, s, func(tx *store.Tx) (map[string]cloister.Secret, error) {
			return tx.AddonConfig(a.ID, "credential:reader")
		}), map[string]cloister.Secret{"VAULT_URL": "r"})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteAddonConfig(a.ID, "credential:reader") })
		same(t, len(read(t, s, func(tx *store.Tx) (map[string]cloister.Secret, error) {
			return tx.AddonConfig(a.ID, "credential:reader")
		})), 0)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteAttachment(main.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteAttachment(main.ID) })
		same(t, rebind(), true)
		same(t, vars(), own)

		old := read(t, s, func(tx *store.Tx) (cloister.Release, error) { return tx.ReleaseByVersion(x.app.ID, 2) })
		update(t, s, func(tx *store.Tx) error { // what was attached then is not any more
			app, err := tx.App(x.app.ID)
			if err == nil {
				_, err = tx.AddRelease(app, cloister.Release{Config: old.Config, Attached: old.Attached, Description: "Rollback to v2"}, "private-s")
			}
			return err
		})
		same(t, vars(), own)
	})
}

func TestInstancesAndCredentialsGoWithTheirAddon(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		_, _, _, a := stocked(t, s)
		i := cloister.Instance{AddonID: a.ID, Slot: "0"}
		instances := func(tx *store.Tx) ([]cloister.Instance, error) { return tx.Instances(a.ID) }
		update(t, s, func(tx *store.Tx) error { return tx.PutInstance(i) })
		same(t, read(t, s, instances), []cloister.Instance{i})
		update(t, s, func(tx *store.Tx) error {
			i = cloister.Instance{AddonID: a.ID, Slot: "0", Zone: "a", Workload: "w", Address: netip.MustParseAddr("172.23.0.9"), Role: "primary", Ready: true, Failures: 3, StartedAt: tx.Now, EndedAt: tx.Now}
			if err := tx.PutInstance(cloister.Instance{AddonID: a.ID, Slot: "1"}); err != nil {
				return err
			}
			if err := tx.PutInstance(i); err != nil {
				return err
			}
			return tx.DeleteInstance(cloister.Instance{AddonID: a.ID, Slot: "1"})
		})
		same(t, read(t, s, instances), []cloister.Instance{i})

		credentials := func(tx *store.Tx) ([]cloister.Credential, error) { return tx.Credentials(a.ID) }
		var all []cloister.Credential
		update(t, s, func(tx *store.Tx) error {
			for _, name := range []string{"alpha", cloister.DefaultCredential} {
				c := cloister.Credential{AddonID: a.ID, Name: name, User: "u" + name, Password: "p", Old: "q", State: cloister.CredentialWaiting, CreatedAt: tx.Now, UpdatedAt: tx.Now}
				if err := tx.InsertCredential(c); err != nil {
					return err
				}
				all = append([]cloister.Credential{c}, all...)
			}
			return nil
		})
		same(t, read(t, s, credentials), all)
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertCredential(all[1]) })
		all[1].Password, all[1].Old, all[1].State = "r", "", cloister.CredentialActive
		update(t, s, func(tx *store.Tx) error { all[1].UpdatedAt = tx.Now; return tx.UpdateCredential(all[1]) })
		same(t, read(t, s, credentials), all)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteCredential(all[1]) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteCredential(all[1]) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteAddon(a.ID) })
		same(t, len(read(t, s, credentials))+len(read(t, s, instances)), 0)
	})
}

func TestTheImagesOfServicesAreKept(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		for _, digest := range []string{"sha256:1", "sha256:2"} {
			update(t, s, func(tx *store.Tx) error { return tx.PutImage("postgres-17", digest) })
			same(t, read(t, s, func(tx *store.Tx) (string, error) { return tx.Image("postgres-17") }), digest)
			same(t, read(t, s, func(tx *store.Tx) ([]string, error) { return tx.Images() }), []string{digest})
		}
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Image("postgres-1"); return err })
	})
}

func TestTokensOfAnAddonEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		_, _, _, a := stocked(t, s)
		var grant, access cloister.AddonToken
		update(t, s, func(tx *store.Tx) error {
			grant = cloister.AddonToken{Hash: "h", AddonID: a.ID, Kind: cloister.AddonGrant, ExpiresAt: tx.Now.Add(time.Minute)}
			return tx.InsertAddonToken(grant)
		})
		find := func(t cloister.AddonToken) func(*store.Tx) error {
			return func(tx *store.Tx) error { _, err := tx.AddonToken(t.Kind, t.Hash); return err }
		}
		same(t, read(t, s, func(tx *store.Tx) (cloister.AddonToken, error) { return tx.AddonToken(cloister.AddonGrant, "h") }), grant)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.AddonToken(cloister.AddonAccess, "h"); return err })
		p.clock.advance(time.Minute)
		wantKind(t, s, cloister.NotFound, find(grant))
		update(t, s, func(tx *store.Tx) error {
			access = cloister.AddonToken{Hash: "i", AddonID: a.ID, Kind: cloister.AddonAccess, ExpiresAt: tx.Now.Add(time.Minute)}
			return tx.InsertAddonToken(access)
		})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteAddonToken(grant) }) // what is over goes by itself
		update(t, s, func(tx *store.Tx) error { return tx.DeleteAddonToken(access) })
		wantKind(t, s, cloister.NotFound, find(access))
	})
}

func TestAppsHearOfWhatChangesAboutAnAddon(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x, service, _, a := stocked(t, s)
		update(t, s, func(tx *store.Tx) error {
			return tx.InsertAttachment(cloister.Attachment{ID: cloister.NewID(), AddonID: a.ID, AppID: x.app.ID, Name: "MAIN", CreatedAt: tx.Now, UpdatedAt: tx.Now})
		})
		bind := func(value cloister.Secret) (out []store.Bound) {
			update(t, s, func(tx *store.Tx) (err error) {
				out, err = tx.Bind(a, service, map[string]map[string]cloister.Secret{"": {"VAULT_URL": value}}, "vault@example.com", func(at cloister.Attachment, names []string) string {
					return at.Name + " sets " + strings.Join(names, ", ")
				})
				return err
			})
			return out
		}
		first := bind("a")
		same(t, len(first), 1)
		same(t, first[0].Release.Description, "MAIN sets MAIN_URL")
		same(t, first[0].Release.UserEmail, "vault@example.com")
		same(t, len(bind("a")), 0)
		same(t, bind("b")[0].Release.Version, first[0].Release.Version+1)
	})
}
