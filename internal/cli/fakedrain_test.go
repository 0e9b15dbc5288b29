package cli_test

import (
	"net/http"
	"slices"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func (f *fake) drainRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /apps/{app}/log-drains", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, heroku.List[heroku.LogDrain](f.drains[a.ID]))
	}))
	mux.HandleFunc("POST /apps/{app}/log-drains", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.LogDrainCreateOpts](w, r)
		if !ok {
			return
		}
		d := heroku.LogDrain{ID: id(4000 + len(f.drains[a.ID])), URL: in.URL, Token: "d." + id(5000+len(f.drains[a.ID]))}
		f.drains[a.ID] = append(f.drains[a.ID], d)
		reply(w, 201, d)
	}))
	mux.HandleFunc("DELETE /apps/{app}/log-drains/{drain}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		for i, d := range f.drains[a.ID] {
			if ref := r.PathValue("drain"); ref == d.ID || ref == d.URL || ref == d.Token {
				f.drains[a.ID] = slices.Delete(f.drains[a.ID], i, i+1)
				reply(w, 200, d)
				return
			}
		}
		missing(w, "log drain")
	}))
	drains := map[string]heroku.SpaceLogDrain{}
	mux.HandleFunc("GET /spaces/{space}/log-drain", func(w http.ResponseWriter, r *http.Request) {
		if d, ok := drains[r.PathValue("space")]; ok {
			reply(w, 200, d)
			return
		}
		missing(w, "log drain")
	})
	mux.HandleFunc("PUT /spaces/{space}/log-drain", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := read[heroku.LogDrainCreateOpts](w, r); ok {
			drains[r.PathValue("space")] = heroku.SpaceLogDrain{ID: id(4100), URL: in.URL, Token: "d." + id(5100)}
			reply(w, 200, drains[r.PathValue("space")])
		}
	})
}
