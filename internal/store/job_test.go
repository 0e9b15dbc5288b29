package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestJobsAreKeptWithTheirApp(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		now := p.clock.Now()
		first := cloister.Job{ID: cloister.NewID(), AppID: x.app.ID, Command: "rake feed", Size: "Private-S", Schedule: "every 10m", Since: now, CreatedAt: now, UpdatedAt: now}
		second := cloister.Job{ID: cloister.NewID(), AppID: x.app.ID, Command: "rake mail", Size: "Private-M", Schedule: "daily at 03:30", Since: now, HandledAt: now.Add(time.Hour),
			LastRun: now.Add(time.Minute), CreatedAt: now.Add(time.Second), UpdatedAt: now}
		update(t, s, func(tx *store.Tx) error { return tx.InsertJob(second) })
		update(t, s, func(tx *store.Tx) error { return tx.InsertJob(first) })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertJob(first) })
		all := func() []cloister.Job {
			return read(t, s, func(tx *store.Tx) ([]cloister.Job, error) { return tx.Jobs(x.app.ID) })
		}
		same(t, all(), []cloister.Job{first, second})
		same(t, len(read(t, s, func(tx *store.Tx) ([]cloister.Job, error) { return tx.Jobs("another") })), 0)

		// People's and control's columns are written apart.
		changed := first
		changed.Command, changed.Size, changed.Schedule, changed.Since, changed.UpdatedAt = "rake news", "Private-L", "hourly at :20", now.Add(2*time.Hour), now.Add(2*time.Hour)
		status := first
		status.Command, status.HandledAt, status.LastRun, status.UpdatedAt = "not written", now.Add(3*time.Hour), now.Add(2*time.Hour), now.Add(9*time.Hour)
		update(t, s, func(tx *store.Tx) error { return tx.PutJobStatus(status) })
		update(t, s, func(tx *store.Tx) error { return tx.UpdateJob(changed) })
		changed.HandledAt, changed.LastRun = status.HandledAt, status.LastRun
		same(t, read(t, s, func(tx *store.Tx) (cloister.Job, error) { return tx.Job(first.ID) }), changed)
		same(t, all(), []cloister.Job{changed, second})

		update(t, s, func(tx *store.Tx) error { return tx.TouchAll() })
		same(t, worked(t, s, "job", first.ID), true)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteJob(first.ID) })
		update(t, s, func(tx *store.Tx) error { return tx.PutJobStatus(status) })
		for _, missing := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { _, err := tx.Job(first.ID); return err },
			func(tx *store.Tx) error { return tx.UpdateJob(first) },
			func(tx *store.Tx) error { return tx.DeleteJob(first.ID) },
		} {
			wantKind(t, s, cloister.NotFound, missing)
		}
		update(t, s, func(tx *store.Tx) error {
			work, err := tx.ClaimWork("test", 1000, time.Minute, "")
			for _, w := range work {
				if err := tx.FinishWork(w, 0); err != nil {
					return err
				}
			}
			return err
		})
		update(t, s, func(tx *store.Tx) error { return tx.TouchJobs(x.app.ID) })
		defer func() {
			update(t, s, func(tx *store.Tx) error { return tx.DeleteJobs(x.app.ID) })
			same(t, len(all()), 0)
		}()
		same(t, []bool{worked(t, s, "job", first.ID), worked(t, s, "job", second.ID)}, []bool{false, true})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
		same(t, len(all()), 0)
	})
}
