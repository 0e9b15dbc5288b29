package control

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// stepJob runs a scheduled job if it is due. That it was due is dealt with in the transaction in which its dyno is wanted, so
// that no end of ours in between has it run twice, or not at all.
func (c *Control) stepJob(ctx context.Context, id string) (time.Duration, error) {
	var p plan.JobPlan
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		s, err := jobState(tx, id)
		if err != nil {
			return err
		}
		p = plan.Job(s, tx.Now)
		return carryOutJob(tx, p)
	})
	if gone(err, "scheduled job") {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	for _, l := range p.Log {
		c.logs.Platform(p.Job.AppID, l.Proc, l.At, l.Text)
	}
	return p.Again, nil
}

func jobState(tx *store.Tx, id string) (s plan.JobState, err error) {
	if s.Job, err = tx.Job(id); err != nil || tx.Now.Before(s.Job.NextRun()) {
		return s, err
	}
	if s.App, err = tx.App(s.Job.AppID); err != nil {
		return s, err
	}
	if s.Release, err = tx.CurrentRelease(s.App.ID); err != nil {
		return s, err
	}
	if s.Release.SlugID != "" {
		if s.Slug, err = tx.Slug(s.App.ID, s.Release.SlugID); err != nil {
			return s, err
		}
	}
	space, err := tx.Space(s.App.SpaceID)
	if err != nil {
		return s, err
	}
	if err := tx.AllowRun(space, s.Job.Size); cloister.KindOf(err) == cloister.Invalid {
		s.Full = err.Error()
	} else if err != nil {
		return s, err
	}
	runs, err := tx.Runs(s.App.ID)
	s.ID, s.Number = cloister.NewID(), cloister.RunNumber(runs, cloister.SchedulerType)
	return s, err
}

func carryOutJob(tx *store.Tx, p plan.JobPlan) error {
	if p.Put {
		if err := tx.PutJobStatus(p.Job); err != nil {
			return err
		}
	}
	if p.Run == nil {
		return nil
	}
	if err := tx.InsertRun(*p.Run); err != nil {
		return err
	}
	return tx.Touch("run", p.Run.ID)
}
