package platform_test

import (
	"slices"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestABackupIsRestoredByThoseAloneWhoMayReadItsApp(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.deploy(t, "quiet-garth", "web")
	backup := h.backedUp(ctx, true)
	rival, other := h.rival(t)
	h.update(t, func(tx *store.Tx) error { // a database of their own
		app, err := tx.App(other)
		if err != nil {
			return err
		}
		s, err := tx.Service("vault")
		if err != nil {
			return err
		}
		plan, err := tx.Plan(s.ID, "small")
		if err != nil {
			return err
		}
		return tx.InsertAddon(cloister.Addon{ID: cloister.NewID(), Name: "theirs", ServiceID: s.ID, PlanID: plan.ID, AppID: app.ID, SpaceID: app.SpaceID, State: cloister.Provisioned, CreatedAt: tx.Now, UpdatedAt: tx.Now})
	})
	if _, err := h.RestoreFrom(ctx, rival, "theirs", cloister.Secret(backup)); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("a stranger restores a backup: %v", err)
	}
	own := h.equippedWith(ctx, "postgres")
	if _, err := h.CopyFrom(ctx, rival, "theirs", cloister.Secret("postgres://"+own+".data.localspace/d")); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("a stranger copies a database: %v", err)
	}
	for _, from := range []cloister.Secret{"postgres://db.example.com/d", "%"} {
		if _, err := h.CopyFrom(ctx, h.admin, own, from); cloister.KindOf(err) != cloister.Unsupported {
			t.Errorf("%q is copied: %v", from.Reveal(), err)
		}
	}
	if _, err := h.CopyFrom(ctx, h.admin, own, cloister.Secret("postgres://"+own+".data.localspace/d")); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("it is copied to itself: %v", err)
	}
	for _, from := range []cloister.Secret{"ftp://example.com/a", "nothing", "https:///x"} {
		if _, err := h.RestoreFrom(ctx, h.admin, own, from); cloister.KindOf(err) != cloister.Invalid {
			t.Errorf("%q is restored: %v", from.Reveal(), err)
		}
	}
}

func TestADatabaseThatEndsIsBackedUpForAWeek(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.deploy(t, "quiet-garth", "web")
	name := h.equippedWith(ctx, "postgres")
	x, err := h.Addon(ctx, h.admin, "", name)
	must(t, err)
	_, err = h.DestroyAddon(ctx, h.admin, "quiet-garth", name, false)
	must(t, err)
	all, err := h.Transfers(ctx, h.admin, "quiet-garth")
	must(t, err)
	if len(all) != 1 || !all[0].Last || all[0].AddonID != x.ID || !all[0].ExpiresAt.Equal(h.clock().Add(cloister.LastBackupLife)) {
		t.Errorf("there are %+v", all)
	}
	again := h.equippedWith(ctx, "postgres")
	y, err := h.Addon(ctx, h.admin, "", again)
	must(t, err)
	_, err = h.DestroyApp(ctx, h.admin, "quiet-garth")
	must(t, err)
	h.update(t, func(tx *store.Tx) error {
		of, err := tx.TransfersOf(y.ID)
		if len(of) != 1 || !of[0].Last {
			t.Errorf("with its app: %+v", of)
		}
		return err
	})
}

func TestAnAddonOfAnotherAppGoesWithIt(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.deploy(t, "quiet-garth", "web")
	name := h.equipped(ctx)
	_, err := h.CreateApp(ctx, h.admin, platform.AppSpec{Name: "still-gate", Space: "cellar"})
	must(t, err)
	h.update(t, func(tx *store.Tx) error {
		x, err := tx.Addon(name)
		if err != nil {
			return err
		}
		return tx.PutAddonConfig(x.ID, "", map[string]cloister.Secret{"VAULT_URL": "u"})
	})
	_, err = h.Attach(ctx, h.admin, platform.AttachmentSpec{Addon: name, App: "still-gate", Name: "lent"})
	must(t, err)
	vars, err := h.Config(ctx, h.admin, "still-gate")
	must(t, err)
	same(t, vars["LENT_URL"], cloister.Secret("u"))
	_, err = h.DestroyAddon(ctx, h.admin, "quiet-garth", name, false)
	wantKind(t, err, cloister.Invalid) // not without force
	_, err = h.DestroyApp(ctx, h.admin, "quiet-garth")
	must(t, err)
	vars, err = h.Config(ctx, h.admin, "still-gate")
	must(t, err)
	same(t, len(vars), 0)
	_, releases, err := h.Releases(ctx, h.admin, "still-gate")
	must(t, err)
	if !slices.ContainsFunc(releases, func(r cloister.Release) bool { return r.Description == "Detach LENT (@ref:"+name+")" }) {
		t.Error("the app was not told")
	}
}
