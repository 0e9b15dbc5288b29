package cli_test

import (
	"net/http"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// monitorRoutes has what scales by itself, and the errors of an app: some of the router, none of its dynos.
func (f *fake) monitorRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /apps/{app}/formation/{type}/monitors", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		out := []heroku.Monitor{}
		if m, ok := f.monitors[r.PathValue("type")]; ok {
			out = append(out, m)
		}
		reply(w, 200, out)
	}))
	put := f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.MonitorOpts](w, r)
		if !ok {
			return
		}
		m := f.monitors[r.PathValue("type")]
		m.ID, m.ProcessType, m.IsActive = id(6000), r.PathValue("type"), *in.IsActive
		if in.MinQuantity != nil {
			m.MinQuantity, m.MaxQuantity = int(*in.MinQuantity), int(*in.MaxQuantity)
		}
		if in.Value != nil {
			m.Value = int(*in.Value)
		}
		if in.CPU != nil {
			m.CPU = int(*in.CPU)
		}
		f.monitors[r.PathValue("type")] = m
		reply(w, 200, m)
	})
	mux.HandleFunc("POST /apps/{app}/formation/{type}/monitors", put)
	mux.HandleFunc("PATCH /apps/{app}/formation/{type}/monitors/{monitor}", put)
	mux.HandleFunc("GET /apps/{app}/router-metrics/errors", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, heroku.Errors{Data: map[string][]int{"H12": {2, 0, 3}, "H10": {1, 0, 0}}})
	}))
	mux.HandleFunc("GET /apps/{app}/formation/{type}/metrics/errors", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, heroku.Errors{Data: map[string][]int{}})
	}))
}
