package control

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// move has data go, and returns the transfer as it is after some time.
func (p *plant) move(in cloister.Transfer, later time.Duration) cloister.Transfer {
	p.t.Helper()
	in.ID, in.AppID, in.Logs = cloister.NewID(), p.app.ID, []cloister.TransferLine{}
	p.update(func(tx *store.Tx) error { _, err := tx.InsertTransfer(in); return err })
	after(later)
	return p.moved(in.ID)
}

func (p *plant) moved(id string) (t cloister.Transfer) {
	p.look(func(tx *store.Tx) (err error) { t, err = tx.Transfer(id); return err })
	return t
}

func TestABackupIsRestored(t *testing.T) {
	inVault(t, false, func(p *plant, v *vault, id string) {
		v.set(func() { v.data = "data 1" })
		backup := p.move(cloister.Transfer{AddonID: id, Kind: cloister.BackupTransfer}, 3*time.Second)
		if !backup.Succeeded || backup.Bytes != 6 || len(backup.Logs) != 2 || backup.Logs[1].Text != "Finished" {
			t.Fatalf("the backup is %+v", backup)
		}
		v.set(func() { v.data = "data 2" })
		restored := p.move(cloister.Transfer{AddonID: id, Kind: cloister.RestoreTransfer, Source: cloister.Secret(backup.ID)}, 3*time.Second)
		if !restored.Succeeded || v.data != "data 1" {
			t.Errorf("restored it is %q: %+v", v.data, restored)
		}
		broken := p.move(cloister.Transfer{AddonID: id, Kind: cloister.RestoreTransfer, Source: "https://example.com/broken"}, 3*time.Second)
		if broken.Succeeded || broken.Logs[1].Text != "It is broken." || v.data != "data 1" {
			t.Errorf("of what is broken it is %q: %+v", v.data, broken)
		}
		p.update(func(tx *store.Tx) error { return tx.DeleteTransfer(backup.ID) })
		after(time.Second)
		if _, _, err := p.shelf.Open(backup.ID); cloister.KindOf(err) != cloister.NotFound {
			t.Errorf("its file is still there: %v", err)
		}
	})
}

func TestATransferOutlivesControlOrIsCanceled(t *testing.T) {
	inVault(t, false, func(p *plant, v *vault, id string) {
		v.set(func() { v.data = "data" })
		cut := p.move(cloister.Transfer{AddonID: id, Kind: cloister.BackupTransfer}, 500*time.Millisecond)
		p.stop()
		if cut.StartedAt.IsZero() || p.moved(cut.ID).Over() {
			t.Errorf("cut in half it is %+v", p.moved(cut.ID))
		}
		p.start()
		after(3 * time.Second)
		if now := p.moved(cut.ID); !now.Succeeded {
			t.Errorf("in the next life it is %+v", now)
		}
		unwanted := p.move(cloister.Transfer{AddonID: id, Kind: cloister.BackupTransfer}, 500*time.Millisecond)
		p.update(func(tx *store.Tx) error { return tx.CancelTransfer(unwanted.ID) })
		after(time.Second)
		if now := p.moved(unwanted.ID); now.Succeeded || !now.Over() || now.Logs[len(now.Logs)-1].Text != "It was canceled." {
			t.Errorf("canceled it is %+v", now)
		}
		if _, _, err := p.shelf.Open(unwanted.ID); cloister.KindOf(err) != cloister.NotFound {
			t.Errorf("half a file is there: %v", err)
		}
	})
}

func TestWhatEndsIsBackedUpFirst(t *testing.T) {
	inVault(t, false, func(p *plant, v *vault, id string) {
		v.set(func() { v.data = "data" })
		last := cloister.Transfer{ID: cloister.NewID(), AppID: p.app.ID, AddonID: id, Kind: cloister.BackupTransfer, Last: true, Logs: []cloister.TransferLine{}}
		p.update(func(tx *store.Tx) error {
			a, err := tx.Addon(id)
			if err != nil {
				return err
			}
			last.ExpiresAt = tx.Now.Add(time.Minute)
			a.State = cloister.Deprovisioning
			_, err = tx.InsertTransfer(last)
			return errors.Join(err, tx.UpdateAddon(a))
		})
		after(10 * time.Second)
		p.look(func(tx *store.Tx) error {
			if _, err := tx.Addon(id); cloister.KindOf(err) != cloister.NotFound {
				t.Errorf("it is still there: %v", err)
			}
			return nil
		})
		f, size, err := p.shelf.Open(last.ID)
		if err != nil || size != 4 {
			t.Fatalf("its backup has %d bytes: %v", size, err)
		}
		f.Close()
		after(time.Minute)
		if _, _, err := p.shelf.Open(last.ID); cloister.KindOf(err) != cloister.NotFound {
			t.Errorf("when it is over: %v", err)
		}
	})
}

func TestABackupThatFailsSaysWhy(t *testing.T) {
	inVault(t, false, func(p *plant, v *vault, id string) {
		v.set(func() { v.refuses = errors.New("no space left\x1b") })
		failed := p.move(cloister.Transfer{AddonID: id, Kind: cloister.BackupTransfer}, 3*time.Second)
		if failed.Succeeded || !strings.HasSuffix(failed.Logs[1].Text, "no space left") {
			t.Errorf("it is %+v", failed)
		}
		nowhere := p.move(cloister.Transfer{AddonID: cloister.NewID(), Kind: cloister.BackupTransfer}, 3*time.Second)
		if nowhere.Succeeded || !nowhere.Over() {
			t.Errorf("of a database that is gone it is %+v", nowhere)
		}
	})
}
