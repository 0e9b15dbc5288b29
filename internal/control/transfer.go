package control

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/store"
)

// A Dumper is a kind of data service whose data can be written out and read in again.
type Dumper interface {
	// Backup writes all that is in it, as it is at one moment. What was written is good only if there is no error.
	Backup(ctx context.Context, s addon.Spec, x addon.Exec, w io.Writer) error
	// Restore replaces what is in it. What is broken leaves it as it was, and is Invalid.
	Restore(ctx context.Context, s addon.Spec, x addon.Exec, r io.Reader) error
}

// Transfers are the data that goes from and to databases now. A transfer takes longer than a step may, so a step only starts
// it, and the transfer touches its row when it ends.
type transfers struct {
	busy sync.WaitGroup
	mu   sync.Mutex
	now  map[string]context.CancelCauseFunc // by transfer
}

var (
	errTransferCanceled = cloister.Errorf(cloister.Invalid, "It was canceled.")
	errTransferStops    = errors.New("the server ends") // it begins again in the next life
)

// transferSays is how often the progress of a transfer is written down.
const transferSays = 2 * time.Second

// stepTransfer starts a transfer, ends one that is not wanted any more, or takes away what is over.
func (c *Control) stepTransfer(ctx context.Context, id string) (time.Duration, error) {
	var t cloister.Transfer
	err := c.store.View(ctx, func(tx *store.Tx) (err error) { t, err = tx.Transfer(id); return err })
	if gone(err, "transfer") {
		c.transfers.stop(id, errTransferCanceled)
		return 0, c.config.Shelf.Drop(id)
	} else if err != nil {
		return 0, err
	}
	switch {
	case !t.ExpiresAt.IsZero() && t.Over():
		if left := time.Until(t.ExpiresAt); left > 0 {
			return min(left, touchEvery), nil
		}
		return 0, c.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteTransfer(id) })
	case t.Over():
		return 0, nil
	case t.Canceled && !c.transfers.stop(id, errTransferCanceled):
		return 0, c.endTransfer(ctx, t, errTransferCanceled)
	case t.Canceled:
		return 0, nil // its end touches it
	}
	c.transfers.begin(ctx, id, func(ctx context.Context) { c.transfer(ctx, t) })
	return 0, nil
}

// begin runs a transfer, unless it runs.
func (r *transfers) begin(ctx context.Context, id string, run func(context.Context)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, runs := r.now[id]; runs {
		return
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	if r.now == nil {
		r.now = map[string]context.CancelCauseFunc{}
	}
	r.now[id] = cancel
	r.busy.Go(func() {
		defer cancel(nil)
		run(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.now, id)
	})
}

// stop ends a transfer, and reports whether it runs.
func (r *transfers) stop(id string, why error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	cancel, runs := r.now[id]
	if runs {
		cancel(why)
	}
	return runs
}

// end ends all transfers, and waits for them.
func (r *transfers) end() {
	r.mu.Lock()
	for _, cancel := range r.now {
		cancel(errTransferStops)
	}
	r.mu.Unlock()
	r.busy.Wait()
}

// transfer carries out a transfer, and records how it ended: as soon as the store takes it.
func (c *Control) transfer(ctx context.Context, t cloister.Transfer) {
	var gone counter
	say := func() error {
		t.Bytes = gone.Load()
		return c.store.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.PutTransfer(t) })
	}
	t.StartedAt = time.Now()
	t.Logs = append(t.Logs, cloister.TransferLine{At: t.StartedAt, Text: "Started " + string(t.Kind) + " from " + t.FromName + " to " + t.ToName})
	if err := say(); err != nil {
		c.log.Warn("a transfer was not written down", "transfer", t.ID, "err", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.carry(ctx, t, &gone) }()
	tick := time.NewTicker(transferSays)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := say(); err != nil {
				c.log.Warn("the progress of a transfer was not written down", "transfer", t.ID, "err", err)
			}
			continue
		case err := <-ended:
			if cause := context.Cause(ctx); err != nil && cause != nil {
				err = cause
			}
			t.Bytes = gone.Load()
			if errors.Is(err, errTransferStops) {
				return
			}
			for err := c.endTransfer(context.WithoutCancel(ctx), t, err); err != nil; err = c.endTransfer(context.WithoutCancel(ctx), t, err) {
				c.log.Error("the end of a transfer was not written down", "transfer", t.ID, "err", err)
				select {
				case <-ctx.Done():
					return
				case <-time.After(pollEvery):
				}
			}
			return
		}
	}
}

// endTransfer records how a transfer ended.
func (c *Control) endTransfer(ctx context.Context, t cloister.Transfer, failed error) error {
	t.FinishedAt, t.Succeeded = time.Now(), failed == nil
	text := "Finished"
	if failed != nil {
		text = cloister.MessageOf(failed)
		if cloister.KindOf(failed) == cloister.Internal {
			c.log.Error("a transfer failed", "transfer", t.ID, "addon", t.AddonID, "err", failed)
			text = "It failed: " + cloister.Words(failed.Error(), 500)
		}
	}
	t.Logs = append(t.Logs, cloister.TransferLine{At: t.FinishedAt, Text: text})
	return c.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.PutTransfer(t); err != nil {
			return err
		}
		if err := tx.Touch("addon", t.AddonID); err != nil { // which may wait for it in order to end
			return err
		}
		return tx.Touch("transfer", t.ID)
	})
}

// carry moves the data. Whatever it is cut in, it can begin again: a file appears whole, and a restore is one transaction.
func (c *Control) carry(ctx context.Context, t cloister.Transfer, gone *counter) error {
	into, err := c.dumped(ctx, t.AddonID)
	if err != nil {
		return err
	}
	switch t.Kind {
	case cloister.BackupTransfer:
		return c.config.Shelf.Put(t.ID, func(w io.Writer) error { return into.Backup(ctx, io.MultiWriter(w, gone)) })
	case cloister.RestoreTransfer:
		from, err := c.openBackup(ctx, t.Source)
		if err != nil {
			return err
		}
		defer from.Close()
		return into.Restore(ctx, io.TeeReader(from, gone))
	}
	from, err := c.dumped(ctx, t.Source.Reveal())
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := from.Backup(ctx, w)
		w.CloseWithError(err)
		written <- err
	}()
	err = into.Restore(ctx, io.TeeReader(r, gone))
	r.Close()
	if failed := <-written; failed != nil && !errors.Is(failed, io.ErrClosedPipe) {
		return failed
	}
	return err
}

// dumped is a database that can be written out and read in.
type dumped struct {
	kind Dumper
	spec addon.Spec
	exec addon.Exec
}

func (d dumped) Backup(ctx context.Context, w io.Writer) error {
	return d.kind.Backup(ctx, d.spec, d.exec, w)
}

func (d dumped) Restore(ctx context.Context, r io.Reader) error {
	return d.kind.Restore(ctx, d.spec, d.exec, r)
}

func (c *Control) dumped(ctx context.Context, addonID string) (dumped, error) {
	s, kind, spec, err := c.Services().ask(ctx, addonID)
	if err != nil {
		return dumped{}, err
	}
	d, ok := kind.(Dumper)
	if !ok {
		return dumped{}, cloister.Errorf(cloister.Unsupported, "No backups are taken of %s.", s.service.HumanName)
	}
	return dumped{d, spec, c.inside(s)}, nil
}

// openBackup opens what is to be restored: one of ours, or what is at a URL.
func (c *Control) openBackup(ctx context.Context, source cloister.Secret) (io.ReadCloser, error) {
	if !strings.Contains(source.Reveal(), "://") {
		f, _, err := c.config.Shelf.Open(source.Reveal())
		return f, err
	}
	if c.config.Fetch == nil {
		return nil, cloister.Errorf(cloister.Unsupported, "This server reads nothing from elsewhere.")
	}
	r, err := c.config.Fetch(ctx, source.Reveal())
	if err != nil {
		return nil, cloister.Errorf(cloister.Invalid, "The backup could not be read from there. %s", cloister.MessageOf(err))
	}
	return r, nil
}

// counter counts what is written to it.
type counter struct{ atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.Add(int64(len(p)))
	return len(p), nil
}

// leaving reports whether a last backup is taken of an add-on that is to end: until then it goes on.
func (c *Control) leaving(ctx context.Context, s addonState) (waits bool, err error) {
	if s.addon.State != cloister.Deprovisioning {
		return false, nil
	}
	err = c.store.View(ctx, func(tx *store.Tx) error {
		all, err := tx.TransfersOf(s.addon.ID)
		for _, t := range all {
			waits = waits || t.Last && !t.Over() && time.Since(t.CreatedAt) < lastBackupWithin
		}
		return err
	})
	return waits, err
}

// lastBackupWithin is how long a database that is to end is kept for its last backup.
const lastBackupWithin = 6 * time.Hour
