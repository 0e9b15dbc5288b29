package platform_test

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// provider is a service that somebody else provides, and its plans.
func provider(name string) platform.ServiceSpec {
	return platform.ServiceSpec{Service: cloister.AddonService{Name: name, HumanName: "The " + name, Kind: "partner", Prefix: "VAULT", First: "VAULT", Shared: true, Many: true,
		Provider: cloister.Provider{Slug: name, URL: "https://example.com/resources", Password: "hush", Vars: []string{"VAULT_URL"}}},
		Plans: []cloister.Plan{{Name: "small", HumanName: "Small", Default: true, Inside: true}, {Name: "large", HumanName: "Large", Inside: true}}}
}

// equipped is the name of an add-on of the app that its provider has made, by a service called vault.
func (h *house) equipped(ctx context.Context) string {
	h.PutService(ctx, h.operator, provider("vault"))
	x, _, err := h.CreateAddon(ctx, h.admin, "quiet-garth", platform.AddonSpec{Plan: "vault"})
	if err == nil {
		err = h.store.Update(ctx, func(tx *store.Tx) error {
			x.State = cloister.Provisioned
			if err := tx.InsertCredential(cloister.Credential{AddonID: x.ID, Name: "reader", User: "reader", State: cloister.CredentialActive, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
				return err
			}
			return tx.UpdateAddon(x.Addon)
		})
	}
	if err != nil {
		panic(err)
	}
	return x.Name
}

// addonDeeds are about add-ons and what they are made of.
var addonDeeds = map[string]deed{
	"Services": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Services(ctx, a)
		return err
	}},
	"Service": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.equipped(ctx)
		_, err := h.Service(ctx, a, "vault")
		return err
	}},
	"Plans": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.equipped(ctx)
		_, err := h.Plans(ctx, a, "vault")
		return err
	}},
	"Plan": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.equipped(ctx)
		_, err := h.Plan(ctx, a, "vault", "vault:small")
		return err
	}},
	"Capabilities": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Capabilities(ctx, a, "", "")
		return err
	}},
	"PutService": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.PutService(ctx, a, provider("vault"))
		return err
	}},
	"RemoveService": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.PutService(ctx, h.operator, provider("vault"))
		_, err := h.RemoveService(ctx, a, "vault")
		return err
	}},
	"OfferService": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.PutService(ctx, h.operator, provider("vault"))
		_, err := h.OfferService(ctx, a, "vault", false)
		return err
	}},
	"ChangePlan": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.PutService(ctx, h.operator, provider("vault"))
		cents := 100
		_, err := h.ChangePlan(ctx, a, "vault", "small", platform.PlanChange{Cents: &cents})
		return err
	}},
	"Addons": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Addons(ctx, a)
		return err
	}},
	"AppAddons": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AppAddons(ctx, a, "quiet-garth")
		return err
	}},
	"Addon": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Addon(ctx, a, "", h.equipped(ctx))
		return err
	}},
	"ResolveAddon": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.equipped(ctx)
		_, err := h.ResolveAddon(ctx, a, "quiet-garth", "VAULT", "")
		return err
	}},
	"SeeAddon": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SeeAddon(ctx, a, h.equipped(ctx))
		return err
	}},
	"ReadAddon": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.ReadAddon(ctx, a, h.equipped(ctx))
		return err
	}},
	"AddonSSO": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AddonSSO(ctx, a, "quiet-garth", h.equipped(ctx))
		return err
	}},
	"OperateAddon": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.OperateAddon(ctx, a, h.equipped(ctx), "reset")
		return err
	}},
	"CreateAddon": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.PutService(ctx, h.operator, provider("vault"))
		_, _, err := h.CreateAddon(ctx, a, "quiet-garth", platform.AddonSpec{Plan: "vault:small"})
		return err
	}},
	"ChangeAddon": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		plan := "vault:large"
		_, err := h.ChangeAddon(ctx, a, "quiet-garth", h.equipped(ctx), platform.AddonChange{Plan: &plan})
		return err
	}},
	"DestroyAddon": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.DestroyAddon(ctx, a, "quiet-garth", h.equipped(ctx), false)
		return err
	}},
	"AddonConfig": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AddonConfig(ctx, a, h.equipped(ctx), "")
		return err
	}},
	"Credentials": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Credentials(ctx, a, h.equipped(ctx))
		return err
	}},
	"AddCredential": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AddCredential(ctx, a, h.equippedWith(ctx, "postgres"), "writer")
		return err
	}},
	"RotateCredential": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RotateCredential(ctx, a, h.equipped(ctx), "reader", false)
		return err
	}},
	"RemoveCredential": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RemoveCredential(ctx, a, h.equipped(ctx), "reader")
		return err
	}},
	"SetAddon": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetAddon(ctx, a, h.equipped(ctx), map[string]string{"log_statement": "all"})
		return err
	}},
	"Transfers": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Transfers(ctx, a, "quiet-garth")
		return err
	}},
	"Transfer": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Transfer(ctx, a, "quiet-garth", h.backedUp(ctx, true))
		return err
	}},
	"Capture": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Capture(ctx, a, h.equippedWith(ctx, "postgres"))
		return err
	}},
	"RestoreFrom": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RestoreFrom(ctx, a, h.equippedWith(ctx, "postgres"), cloister.Secret(h.backedUp(ctx, true)))
		return err
	}},
	"CopyFrom": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		to, from := h.equippedWith(ctx, "postgres"), h.equippedWith(ctx, "postgres")
		_, err := h.CopyFrom(ctx, a, to, cloister.Secret("postgres://"+from+".data.localspace/d"))
		return err
	}},
	"CancelTransfer": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.CancelTransfer(ctx, a, "quiet-garth", h.backedUp(ctx, false))
		return err
	}},
	"DeleteTransfer": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.DeleteTransfer(ctx, a, "quiet-garth", h.backedUp(ctx, true))
		return err
	}},
	"Attachments": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Attachments(ctx, a)
		return err
	}},
	"AppAttachments": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AppAttachments(ctx, a, "quiet-garth")
		return err
	}},
	"AddonAttachments": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AddonAttachments(ctx, a, h.equipped(ctx))
		return err
	}},
	"Attachment": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.equipped(ctx)
		_, err := h.Attachment(ctx, a, "quiet-garth", "VAULT")
		return err
	}},
	"ResolveAttachment": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.equipped(ctx)
		_, err := h.ResolveAttachment(ctx, a, "quiet-garth", "VAULT_URL", "")
		return err
	}},
	"Attach": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Attach(ctx, a, platform.AttachmentSpec{Addon: h.equipped(ctx), App: "quiet-garth", Name: "OTHER"})
		return err
	}},
	"Detach": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		name := h.equipped(ctx)
		t, _ := h.Attach(ctx, h.admin, platform.AttachmentSpec{Addon: name, App: "quiet-garth"})
		_, err := h.Detach(ctx, a, t.ID)
		return err
	}},
}

// equippedWith is an add-on as equipped makes it, but of another kind.
func (h *house) equippedWith(ctx context.Context, kind string) string {
	if err := h.store.Update(ctx, func(tx *store.Tx) error {
		s := provider("vault").Service
		s.ID, s.Kind, s.State, s.CreatedAt, s.UpdatedAt = cloister.NewID(), kind, cloister.ServiceOffered, tx.Now, tx.Now
		if _, err := tx.Service(s.Name); err == nil {
			return nil
		}
		if err := tx.InsertService(s); err != nil {
			return err
		}
		plan := provider("vault").Plans[0]
		plan.ID, plan.ServiceID, plan.CreatedAt = cloister.NewID(), s.ID, tx.Now
		return tx.PutPlan(plan)
	}); err != nil {
		panic(err)
	}
	return h.equipped(ctx)
}

// backedUp is the id of a backup of a database of the app, which is under way unless it is over.
func (h *house) backedUp(ctx context.Context, over bool) (id string) {
	name := h.equippedWith(ctx, "postgres")
	if err := h.store.Update(ctx, func(tx *store.Tx) error {
		x, err := tx.Addon(name)
		if err != nil {
			return err
		}
		t, err := tx.InsertTransfer(cloister.Transfer{ID: cloister.NewID(), AppID: x.AppID, AddonID: x.ID, Kind: cloister.BackupTransfer})
		if err != nil || !over {
			id = t.ID
			return err
		}
		id, t.FinishedAt, t.Succeeded = t.ID, tx.Now, true
		return tx.PutTransfer(t)
	}); err != nil {
		panic(err)
	}
	return id
}
