package cli_test

import (
	"net/http"
	"slices"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func (f *fake) jobRoutes(mux *http.ServeMux) {
	jobs := map[string][]heroku.ScheduledJob{} // by app
	set := func(j *heroku.ScheduledJob, in heroku.ScheduledJobOpts) {
		for value, to := range map[*string]*string{in.Command: &j.Command, in.Size: &j.Size, in.Schedule: &j.Schedule} {
			if value != nil {
				*to = *value
			}
		}
	}
	mux.HandleFunc("GET /apps/{app}/scheduled-jobs", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, heroku.List[heroku.ScheduledJob](jobs[a.ID]))
	}))
	mux.HandleFunc("POST /apps/{app}/scheduled-jobs", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.ScheduledJobOpts](w, r)
		if !ok {
			return
		}
		j := heroku.ScheduledJob{ID: id(7000 + len(jobs[a.ID])), Size: "Private-S", NextRun: heroku.At(fakeNow)}
		set(&j, in)
		jobs[a.ID] = append(jobs[a.ID], j)
		reply(w, 201, j)
	}))
	one := func(do func(w http.ResponseWriter, r *http.Request, a *heroku.App, i int)) http.HandlerFunc {
		return f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
			i := slices.IndexFunc(jobs[a.ID], func(j heroku.ScheduledJob) bool { return j.ID == r.PathValue("job") })
			if i < 0 {
				missing(w, "scheduled job")
				return
			}
			do(w, r, a, i)
		})
	}
	mux.HandleFunc("PATCH /apps/{app}/scheduled-jobs/{job}", one(func(w http.ResponseWriter, r *http.Request, a *heroku.App, i int) {
		if in, ok := read[heroku.ScheduledJobOpts](w, r); ok {
			set(&jobs[a.ID][i], in)
			reply(w, 200, jobs[a.ID][i])
		}
	}))
	mux.HandleFunc("DELETE /apps/{app}/scheduled-jobs/{job}", one(func(w http.ResponseWriter, r *http.Request, a *heroku.App, i int) {
		gone := jobs[a.ID][i]
		jobs[a.ID] = slices.Delete(jobs[a.ID], i, i+1)
		reply(w, 200, gone)
	}))
	mux.HandleFunc("POST /apps/{app}/scheduled-jobs/{job}/actions/run", one(func(w http.ResponseWriter, r *http.Request, a *heroku.App, i int) {
		jobs[a.ID][i].LastRun = heroku.At(fakeNow)
		reply(w, 201, heroku.Dyno{ID: id(7100), Name: "scheduler.4711", Type: "scheduler", Command: jobs[a.ID][i].Command})
	}))
}
