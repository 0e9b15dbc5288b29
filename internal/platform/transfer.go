package platform

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// maxTransfers is how many transfers an app can have, with those whose backups are kept.
const maxTransfers = 500

// Transfers lists the transfers of an app's databases, the oldest first.
func (p *Platform) Transfers(ctx context.Context, a cloister.Actor, ref string) (out []cloister.Transfer, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, readApp)
		if err != nil {
			return err
		}
		out, err = tx.Transfers(app.ID)
		return err
	})
	return out, err
}

// Transfer finds a transfer of an app by id or number.
func (p *Platform) Transfer(ctx context.Context, a cloister.Actor, ref, transfer string) (out cloister.Transfer, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		out, err = p.transfer(tx, a, ref, transfer, readApp)
		return err
	})
	return out, err
}

func (p *Platform) transfer(tx *store.Tx, a cloister.Actor, ref, transfer string, v verb) (out cloister.Transfer, err error) {
	app, err := p.app(tx, a, ref, v)
	if err != nil {
		return out, err
	}
	all, err := tx.Transfers(app.ID)
	if err != nil {
		return out, err
	}
	i := slices.IndexFunc(all, func(t cloister.Transfer) bool { return t.ID == transfer || strconv.Itoa(t.Num) == transfer })
	if i < 0 {
		return out, cloister.Missing("transfer")
	}
	return all[i], nil
}

// database finds a database that something is to be done to.
func (p *Platform) database(tx *store.Tx, a cloister.Actor, ref string, v verb) (AddonInfo, error) {
	x, err := p.addon(tx, a, "", ref, v)
	switch {
	case err != nil:
		return x, err
	case x.Service.Kind != "postgres":
		return x, cloister.Errorf(cloister.Unsupported, "Backups are taken of Postgres databases, and %s is none.", x.Name)
	case x.State != cloister.Provisioned:
		return x, cloister.Errorf(cloister.Invalid, "%s is %s. Wait until it is there with `addons:wait`.", x.Name, x.State)
	}
	return x, nil
}

// move adds a transfer to those of a database's app.
func (p *Platform) move(tx *store.Tx, x AddonInfo, t cloister.Transfer) (cloister.Transfer, error) {
	all, err := tx.Transfers(x.App.ID)
	if err != nil {
		return t, err
	}
	if len(all) >= maxTransfers {
		return t, cloister.Errorf(cloister.Invalid, "App %s has %d backups and other transfers, which is the limit. Delete one with `pg:backups:delete`.", x.App.Name, len(all))
	}
	if i := slices.IndexFunc(all, func(o cloister.Transfer) bool {
		return !o.Over() && o.AddonID == x.ID && (t.Kind != cloister.BackupTransfer || o.Kind != cloister.BackupTransfer)
	}); i >= 0 {
		return t, cloister.Errorf(cloister.Invalid, "Another transfer of %s is under way, number %d. Wait for it, or cancel it with `pg:backups:cancel`.", x.Name, all[i].Num)
	}
	t.ID, t.AppID, t.AddonID, t.Logs = cloister.NewID(), x.App.ID, x.ID, []cloister.TransferLine{}
	if t, err = tx.InsertTransfer(t); err != nil {
		return t, err
	}
	return t, tx.Event("addon", x.ID, string(t.Kind), x.Name)
}

// attachedAs is what people call an add-on in its own app.
func attachedAs(tx *store.Tx, x AddonInfo) (string, error) {
	all, err := tx.AttachmentsOf(x.ID)
	for _, t := range all {
		if t.AppID == x.App.ID && t.Namespace == "" {
			return t.Name, err
		}
	}
	return x.Name, err
}

// Capture takes a backup of a database.
func (p *Platform) Capture(ctx context.Context, a cloister.Actor, ref string) (out cloister.Transfer, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		x, err := p.database(tx, a, ref, deployApp)
		if err != nil {
			return err
		}
		name, err := attachedAs(tx, x)
		if err != nil {
			return err
		}
		out, err = p.move(tx, x, cloister.Transfer{Kind: cloister.BackupTransfer, FromName: name, ToName: "BACKUP"})
		return err
	})
	return out, err
}

// RestoreFrom replaces what is in a database by a backup: one of an app that the actor may read, by its id, or what is at a URL.
func (p *Platform) RestoreFrom(ctx context.Context, a cloister.Actor, ref string, source cloister.Secret) (out cloister.Transfer, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		x, err := p.database(tx, a, ref, deployApp)
		if err != nil {
			return err
		}
		if u, err := url.Parse(source.Reveal()); err == nil && u.Scheme != "" {
			if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
				return cloister.Errorf(cloister.Invalid, "A backup is read from an address that begins with https://.")
			}
		} else if err := p.mayRestore(tx, a, source.Reveal()); err != nil {
			return err
		}
		name, err := attachedAs(tx, x)
		if err != nil {
			return err
		}
		out, err = p.move(tx, x, cloister.Transfer{Kind: cloister.RestoreTransfer, FromName: "BACKUP", ToName: name, Source: source})
		return err
	})
	return out, err
}

// mayRestore reports why a backup of ours cannot be restored by somebody, or nil: they must be able to read its app.
func (p *Platform) mayRestore(tx *store.Tx, a cloister.Actor, id string) error {
	missing := cloister.Errorf(cloister.Invalid, "There is no such backup. See `pg:backups`.")
	t, err := tx.Transfer(id)
	if cloister.KindOf(err) == cloister.NotFound || err == nil && !t.Kept() {
		return missing
	} else if err != nil {
		return err
	}
	if _, err := p.app(tx, a, t.AppID, readApp); cloister.KindOf(err) == cloister.NotFound {
		return missing
	} else if err != nil {
		return err
	}
	return nil
}

// CopyFrom replaces what is in a database by what is in another one of this installation, that the actor may read: address is
// where that is.
func (p *Platform) CopyFrom(ctx context.Context, a cloister.Actor, ref string, address cloister.Secret) (out cloister.Transfer, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		x, err := p.database(tx, a, ref, deployApp)
		if err != nil {
			return err
		}
		u, err := url.Parse(address.Reveal())
		name, ours := "", false
		if err == nil {
			name, ours = strings.CutSuffix(u.Hostname(), ".data.localspace")
		}
		if !ours {
			return cloister.Errorf(cloister.Unsupported, "Only databases of this installation can be copied here. Take a backup of another one with pg_dump -Fc, put it where this server can read it, and restore it with `pg:backups:restore URL`.")
		}
		from, err := p.database(tx, a, name, readApp)
		if err != nil {
			return err
		}
		if from.ID == x.ID {
			return cloister.Errorf(cloister.Invalid, "%s cannot be copied to itself.", x.Name)
		}
		here, err := attachedAs(tx, from)
		if err != nil {
			return err
		}
		there, err := attachedAs(tx, x)
		if err != nil {
			return err
		}
		out, err = p.move(tx, x, cloister.Transfer{Kind: cloister.CopyTransfer, FromName: here, ToName: there, Source: cloister.Secret(from.ID)})
		return err
	})
	return out, err
}

// CancelTransfer ends a transfer that is under way.
func (p *Platform) CancelTransfer(ctx context.Context, a cloister.Actor, ref, transfer string) (out cloister.Transfer, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if out, err = p.transfer(tx, a, ref, transfer, deployApp); err != nil {
			return err
		}
		if out.Over() {
			return cloister.Errorf(cloister.Invalid, "It has ended already.")
		}
		out.Canceled = true
		if err := tx.CancelTransfer(out.ID); err != nil {
			return err
		}
		return tx.Event("addon", out.AddonID, "cancel", strconv.Itoa(out.Num))
	})
	return out, err
}

// DeleteTransfer deletes a transfer that has ended, and the backup that it may be.
func (p *Platform) DeleteTransfer(ctx context.Context, a cloister.Actor, ref, transfer string) (out cloister.Transfer, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if out, err = p.transfer(tx, a, ref, transfer, deployApp); err != nil {
			return err
		}
		if !out.Over() {
			return cloister.Errorf(cloister.Invalid, "It is under way. Cancel it first with `pg:backups:cancel`.")
		}
		if err := tx.DeleteTransfer(out.ID); err != nil {
			return err
		}
		return tx.Event("addon", out.AddonID, "delete backup", strconv.Itoa(out.Num))
	})
	return out, err
}
