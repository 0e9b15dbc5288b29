package platform

import (
	"context"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A JobSpec is what is asked for when a job is scheduled.
type JobSpec struct {
	Command  string // its first word may be the name of a process type, which stands for what that runs
	Size     string // "" is the space's default
	Schedule string // as cloister.ParseSchedule reads it
}

// A JobChange is what may change about a scheduled job; nil leaves it as it is.
type JobChange struct {
	Command  *string
	Size     *string // "" is the space's default
	Schedule *string
}

// scheduled reports why an app cannot have scheduled jobs, or nil: they come with the add-on.
func scheduled(tx *store.Tx, app AppInfo) error {
	s, err := tx.Service("scheduler")
	if cloister.KindOf(err) == cloister.NotFound {
		return cloister.Errorf(cloister.Unsupported, "This installation has no scheduler.")
	} else if err != nil {
		return err
	}
	all, err := tx.Addons(store.AddonFilter{App: app.ID, Service: s.ID})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(x cloister.Addon) bool { return x.State != cloister.Deprovisioning }) {
		return cloister.Errorf(cloister.Invalid, "App %s has no scheduler. Add it with `addons:create scheduler:standard`.", app.Name)
	}
	return nil
}

// Jobs lists the scheduled jobs of an app, the oldest first. Their commands may hold secrets, so seeing is not for everybody
// who sees the app.
func (p *Platform) Jobs(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []cloister.Job, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, readApp); err != nil {
			return err
		}
		out, err = tx.Jobs(app.ID)
		return err
	})
	return app, out, err
}

// Job finds a scheduled job of an app by id.
func (p *Platform) Job(ctx context.Context, a cloister.Actor, ref, id string) (app AppInfo, j cloister.Job, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, j, err = p.job(tx, a, ref, id, readApp)
		return err
	})
	return app, j, err
}

// AddJob has an app run a command by a schedule from now on, for those who may run one.
func (p *Platform) AddJob(ctx context.Context, a cloister.Actor, ref string, in JobSpec) (app AppInfo, j cloister.Job, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, deployApp); err != nil {
			return err
		}
		if err := scheduled(tx, app); err != nil {
			return err
		}
		j = cloister.Job{ID: cloister.NewID(), AppID: app.ID, CreatedAt: tx.Now}
		if err := (JobChange{&in.Command, &in.Size, &in.Schedule}).apply(tx, app, &j); err != nil {
			return err
		}
		all, err := tx.Jobs(app.ID)
		if err != nil {
			return err
		}
		if err := allow(tx, app.Space, cloister.LimitJobs, "App "+app.Name, len(all), len(all)+1); err != nil {
			return err
		}
		if err := tx.InsertJob(j); err != nil {
			return err
		}
		if err := tx.Changed("scheduled_job", j.ID, "create", app.Name, nil, jobTrailOf(j)); err != nil {
			return err
		}
		return tx.Touch("job", j.ID)
	})
	if err == nil {
		p.config.Log(app.ID, "Schedule `"+j.Command+"` "+string(j.Schedule)+" by user "+a.User.Email)
	}
	return app, j, err
}

// ChangeJob changes a scheduled job. With another schedule it is due by that from now on; a run of it goes on.
func (p *Platform) ChangeJob(ctx context.Context, a cloister.Actor, ref, id string, set JobChange) (app AppInfo, j cloister.Job, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, j, err = p.job(tx, a, ref, id, deployApp); err != nil {
			return err
		}
		was := j
		if err := set.apply(tx, app, &j); err != nil {
			return err
		}
		if err := tx.UpdateJob(j); err != nil {
			return err
		}
		if err := tx.Changed("scheduled_job", j.ID, "update", app.Name, jobTrailOf(was), jobTrailOf(j)); err != nil {
			return err
		}
		return tx.Touch("job", j.ID)
	})
	if err == nil {
		p.config.Log(app.ID, "Schedule `"+j.Command+"` "+string(j.Schedule)+" by user "+a.User.Email)
	}
	return app, j, err
}

// RemoveJob has an app run a command by a schedule no longer. A run of it goes on.
func (p *Platform) RemoveJob(ctx context.Context, a cloister.Actor, ref, id string) (app AppInfo, j cloister.Job, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, j, err = p.job(tx, a, ref, id, deployApp); err != nil {
			return err
		}
		if err := tx.DeleteJob(j.ID); err != nil {
			return err
		}
		if err := tx.Changed("scheduled_job", j.ID, "destroy", app.Name, jobTrailOf(j), nil); err != nil {
			return err
		}
		return tx.Touch("job", j.ID)
	})
	if err == nil {
		p.config.Log(app.ID, "Unschedule `"+j.Command+"` "+string(j.Schedule)+" by user "+a.User.Email)
	}
	return app, j, err
}

// RunJob runs a scheduled job now, beside its schedule.
func (p *Platform) RunJob(ctx context.Context, a cloister.Actor, ref, id string) (app AppInfo, r cloister.Run, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		var j cloister.Job
		if app, j, err = p.job(tx, a, ref, id, deployApp); err != nil {
			return err
		}
		r, err = p.run(tx, app, RunSpec{Command: j.Command, Size: j.Size, Type: cloister.SchedulerType}, nil)
		return err
	})
	if err == nil {
		p.config.Log(app.ID, "Starting process with command `"+r.Command+"` by user "+a.User.Email)
	}
	return app, r, err
}

// job finds a scheduled job of an app that the actor may do v with.
func (p *Platform) job(tx *store.Tx, a cloister.Actor, ref, id string, v verb) (AppInfo, cloister.Job, error) {
	app, err := p.app(tx, a, ref, v)
	if err != nil {
		return app, cloister.Job{}, err
	}
	j, err := tx.Job(id)
	if err == nil && j.AppID != app.ID {
		j, err = cloister.Job{}, cloister.Missing("scheduled job")
	}
	return app, j, err
}

// apply changes a job of an app, if everything about the change is right.
func (set JobChange) apply(tx *store.Tx, app AppInfo, j *cloister.Job) (err error) {
	if set.Command != nil {
		if j.Command = *set.Command; cloister.ValidCommand(j.Command) != nil {
			return cloister.ValidCommand(j.Command)
		}
	}
	if set.Size != nil {
		if j.Size = cloister.DefaultSize(app.Space.Shield); *set.Size != "" {
			if j.Size, err = ownSize(app, *set.Size); err != nil {
				return err
			}
		}
	}
	if set.Schedule != nil {
		was := j.Schedule
		if j.Schedule, err = cloister.ParseSchedule(*set.Schedule); err != nil {
			return err
		}
		if j.Schedule != was {
			j.Since = tx.Now
		}
	}
	j.UpdatedAt = tx.Now
	return nil
}

// jobTrailOf is what the audit trail has of a scheduled job: not its command, which may hold secrets, but that it is another.
func jobTrailOf(j cloister.Job) map[string]any {
	return map[string]any{"command": cloister.Secret(j.Command), "size": j.Size, "schedule": j.Schedule}
}
