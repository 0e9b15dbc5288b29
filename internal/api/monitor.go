package api

import (
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// monitorRoutes are not in Heroku's schema: its clients look for them at two other hosts, which have to lead here.
func (a *API) monitorRoutes(r chi.Router) {
	r.Get("/apps/{app}/formation/{type}/monitors", a.do(a.monitorList))
	r.Post("/apps/{app}/formation/{type}/monitors", a.do(a.monitorCreate))
	r.Patch("/apps/{app}/formation/{type}/monitors/{monitor}", a.do(a.monitorUpdate))
	r.Get("/apps/{app}/formation/{type}/metrics/errors", a.do(a.dynoErrors))
	r.Get("/apps/{app}/router-metrics/errors", a.do(a.routerErrors))
}

func (a *API) monitorList(r *request) (reply, error) {
	app, m, err := a.platform.Autoscale(r.Context(), r.actor, r.param("app"), r.param("type"))
	out := []heroku.Monitor{}
	if m != nil {
		out = append(out, monitor(app, *m))
	}
	return ok(out), err
}

func (a *API) monitorCreate(r *request) (reply, error) {
	in, err := decode[heroku.MonitorOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.IsActive == nil {
		in.IsActive = heroku.Pointer(true)
	}
	change, err := monitorChange(in)
	if err != nil {
		return reply{}, err
	}
	app, m, err := a.platform.SetAutoscale(r.Context(), r.actor, r.param("app"), r.param("type"), change)
	return created(monitor(app, m)), err
}

func (a *API) monitorUpdate(r *request) (reply, error) {
	in, err := decode[heroku.MonitorOpts](r)
	if err != nil {
		return reply{}, err
	}
	_, m, err := a.platform.Autoscale(r.Context(), r.actor, r.param("app"), r.param("type"))
	if err == nil && (m == nil || m.ID != r.param("monitor")) {
		err = cloister.Missing("monitor")
	}
	if err != nil {
		return reply{}, err
	}
	change, err := monitorChange(in)
	if err != nil {
		return reply{}, err
	}
	app, changed, err := a.platform.SetAutoscale(r.Context(), r.actor, r.param("app"), r.param("type"), change)
	return ok(monitor(app, changed)), err
}

// monitorChange takes what a client sends. How often to look and how to compare it is not for clients to say.
func monitorChange(in heroku.MonitorOpts) (c platform.AutoscaleChange, err error) {
	if in.ActionType != "" && in.ActionType != "scale" {
		return c, cloister.Errorf(cloister.Unsupported, "A monitor with the action %q is not in this version. Use scale; webhooks and the app's log tell of everything else.", in.ActionType)
	}
	if len(in.NotificationChannels) > 0 {
		return c, cloister.Errorf(cloister.Unsupported, "This server sends no mail. Leave notifications out: the app's log says when it is at its maximum.")
	}
	c = platform.AutoscaleChange{Active: in.IsActive, Min: (*int)(in.MinQuantity), Max: (*int)(in.MaxQuantity), CPU: (*int)(in.CPU)}
	if in.Value != nil {
		c.Latency = heroku.Pointer(time.Duration(*in.Value) * time.Millisecond)
	}
	return c, nil
}

func monitor(app platform.AppInfo, m cloister.Autoscale) heroku.Monitor {
	return heroku.Monitor{ID: m.ID, AppUUID: app.ID, ProcessType: m.Type, Name: "LATENCY_SCALE", ActionType: "scale", IsActive: m.Active,
		Op: "GREATER_OR_EQUAL", Period: 1, MinQuantity: m.Min, MaxQuantity: m.Max, Value: int(m.Latency.Milliseconds()), CPU: m.CPU,
		NotificationChannels: []string{}, NotificationPeriod: 1440, CreatedAt: heroku.At(m.CreatedAt), UpdatedAt: heroku.At(m.UpdatedAt)}
}

func (a *API) routerErrors(r *request) (reply, error) {
	return a.errors(r, "")
}

func (a *API) dynoErrors(r *request) (reply, error) {
	_, types, err := a.platform.Formation(r.Context(), r.actor, r.param("app"))
	if err != nil {
		return reply{}, err
	}
	t, err := oneType(r, types)
	if err != nil {
		return reply{}, err
	}
	return a.errors(r, t.Type)
}

const mostErrorHours = 7 * 24

// errors counts by the hour, which is as often as it is kept.
func (a *API) errors(r *request, processType string) (reply, error) {
	q := r.URL.Query()
	from, err := time.Parse(time.RFC3339, q.Get("start_time"))
	if err != nil {
		return reply{}, cloister.Errorf(cloister.Invalid, "start_time is no time. Write it as 2026-01-31T12:00:00Z.")
	}
	until, err := time.Parse(time.RFC3339, q.Get("end_time"))
	if err != nil {
		return reply{}, cloister.Errorf(cloister.Invalid, "end_time is no time. Write it as 2026-01-31T12:00:00Z.")
	}
	if step := q.Get("step"); step != "" && step != "1h" {
		return reply{}, cloister.Errorf(cloister.Invalid, "Errors are counted by the hour. Leave step out, or say 1h.")
	}
	from = from.UTC().Truncate(time.Hour)
	hours := int((until.Sub(from) + time.Hour - 1) / time.Hour)
	if hours < 1 || hours > mostErrorHours+1 {
		return reply{}, cloister.Errorf(cloister.Invalid, "Errors are kept for %d hours. Ask for as many, or fewer.", mostErrorHours)
	}
	_, counts, err := a.platform.Errors(r.Context(), r.actor, r.param("app"), processType, from, until)
	out := heroku.Errors{StartTime: from, EndTime: until.UTC(), Step: "1h", Data: map[string][]int{}}
	for _, c := range counts {
		if out.Data[c.Code] == nil {
			out.Data[c.Code] = make([]int, hours)
		}
		out.Data[c.Code][int(c.Hour.Sub(from)/time.Hour)] = c.Count
	}
	return ok(out), err
}
