package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// jobRoutes are our own: Heroku's Scheduler has a page, and no API.
func (a *API) jobRoutes(r chi.Router) {
	r.Get("/apps/{app}/scheduled-jobs", a.do(a.jobList))
	r.Post("/apps/{app}/scheduled-jobs", a.do(a.jobCreate))
	r.Get("/apps/{app}/scheduled-jobs/{job}", a.do(a.jobInfo))
	r.Patch("/apps/{app}/scheduled-jobs/{job}", a.do(a.jobUpdate))
	r.Delete("/apps/{app}/scheduled-jobs/{job}", a.do(a.jobDelete))
	r.Post("/apps/{app}/scheduled-jobs/{job}/actions/run", a.do(a.jobRun))
}

func (a *API) jobList(r *request) (reply, error) {
	app, all, err := a.platform.Jobs(r.Context(), r.actor, r.param("app"))
	return list(each(all, func(j cloister.Job) heroku.ScheduledJob { return job(app, j) }), byID(func(j heroku.ScheduledJob) string { return j.ID })), err
}

func (a *API) jobCreate(r *request) (reply, error) {
	in, err := decode[heroku.ScheduledJobOpts](r)
	if err != nil {
		return reply{}, err
	}
	app, j, err := a.platform.AddJob(r.Context(), r.actor, r.param("app"), platform.JobSpec{Command: text(in.Command), Size: text(in.Size), Schedule: text(in.Schedule)})
	return created(job(app, j)), err
}

func (a *API) jobInfo(r *request) (reply, error) {
	app, j, err := a.platform.Job(r.Context(), r.actor, r.param("app"), r.param("job"))
	return ok(job(app, j)), err
}

func (a *API) jobUpdate(r *request) (reply, error) {
	in, err := decode[heroku.ScheduledJobOpts](r)
	if err != nil {
		return reply{}, err
	}
	app, j, err := a.platform.ChangeJob(r.Context(), r.actor, r.param("app"), r.param("job"), platform.JobChange(in))
	return ok(job(app, j)), err
}

func (a *API) jobDelete(r *request) (reply, error) {
	app, j, err := a.platform.RemoveJob(r.Context(), r.actor, r.param("app"), r.param("job"))
	return ok(job(app, j)), err
}

func (a *API) jobRun(r *request) (reply, error) {
	app, run, err := a.platform.RunJob(r.Context(), r.actor, r.param("app"), r.param("job"))
	return created(dyno(app, run.Dyno)), err
}

func job(app platform.AppInfo, j cloister.Job) heroku.ScheduledJob {
	return heroku.ScheduledJob{ID: j.ID, App: appName(app), Command: j.Command, Size: j.Size, Schedule: string(j.Schedule),
		LastRun: heroku.At(j.LastRun), NextRun: heroku.At(j.NextRun()), CreatedAt: heroku.At(j.CreatedAt), UpdatedAt: heroku.At(j.UpdatedAt)}
}
