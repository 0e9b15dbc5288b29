package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestTransfersAreNumberedByApp(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x, _, _, a := stocked(t, s)
		add := func() (out cloister.Transfer) {
			update(t, s, func(tx *store.Tx) (err error) {
				out, err = tx.InsertTransfer(cloister.Transfer{ID: cloister.NewID(), AppID: x.app.ID, AddonID: a.ID, Kind: cloister.RestoreTransfer, FromName: "BACKUP", ToName: "MAIN",
					Source: "https://user:hush@example.com/a", Last: true, ExpiresAt: tx.Now.Add(time.Hour), Logs: []cloister.TransferLine{{At: tx.Now, Text: "begun"}}})
				return err
			})
			return out
		}
		first, second := add(), add()
		same(t, [2]int{first.Num, second.Num}, [2]int{1, 2})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Transfer, error) { return tx.Transfer(first.ID) }), first)
		same(t, worked(t, s, "transfer", first.ID), true)
		update(t, s, func(tx *store.Tx) error {
			first.StartedAt, first.FinishedAt, first.Succeeded, first.Bytes, first.UpdatedAt = tx.Now, tx.Now, true, 5<<40, tx.Now
			first.Logs = append(first.Logs, cloister.TransferLine{At: tx.Now, Text: "done"})
			return tx.PutTransfer(first)
		})
		update(t, s, func(tx *store.Tx) error {
			second.Canceled, second.UpdatedAt = true, tx.Now
			return tx.CancelTransfer(second.ID)
		})
		all := []cloister.Transfer{first, second}
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Transfer, error) { return tx.Transfers(x.app.ID) }), all)
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Transfer, error) { return tx.TransfersOf(a.ID) }), all)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteTransfer(second.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteTransfer(second.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.CancelTransfer(second.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Transfer(second.ID); return err })
		same(t, worked(t, s, "transfer", second.ID), true)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
		same(t, len(read(t, s, func(tx *store.Tx) ([]cloister.Transfer, error) { return tx.TransfersOf(a.ID) })), 1)
	})
}
