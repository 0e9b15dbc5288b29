package cli_test

import (
	"net/http"
	"slices"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func (f *fake) pipelineRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /pipelines", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, heroku.List[heroku.Pipeline](f.lines))
	})
	mux.HandleFunc("POST /pipelines", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := read[heroku.PipelineCreateOpts](w, r); ok {
			if in.Owner == nil {
				in.Owner = &heroku.PipelineOwner{ID: id(1), Type: "user"}
			}
			f.lines = append(f.lines, heroku.Pipeline{ID: id(7000 + len(f.lines)), Name: in.Name, Owner: in.Owner})
			reply(w, 201, f.lines[len(f.lines)-1])
		}
	})
	one := func(do func(w http.ResponseWriter, r *http.Request, i int)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			ref := r.PathValue("pipeline")
			if i := slices.IndexFunc(f.lines, func(p heroku.Pipeline) bool { return p.ID == ref || p.Name == ref }); i >= 0 {
				do(w, r, i)
				return
			}
			missing(w, "pipeline")
		}
	}
	mux.HandleFunc("GET /pipelines/{pipeline}", one(func(w http.ResponseWriter, _ *http.Request, i int) { reply(w, 200, f.lines[i]) }))
	mux.HandleFunc("PATCH /pipelines/{pipeline}", one(func(w http.ResponseWriter, r *http.Request, i int) {
		if in, ok := read[heroku.PipelineUpdateOpts](w, r); ok {
			f.lines[i].Name = *in.Name
			reply(w, 200, f.lines[i])
		}
	}))
	mux.HandleFunc("DELETE /pipelines/{pipeline}", one(func(w http.ResponseWriter, _ *http.Request, i int) {
		gone := f.lines[i]
		f.lines = slices.Delete(f.lines, i, i+1)
		reply(w, 200, gone)
	}))
	mux.HandleFunc("POST /pipeline-transfers", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := read[heroku.PipelineTransferOpts](w, r); ok {
			was := f.lines[0].Owner
			f.lines[0].Owner = &in.NewOwner
			reply(w, 201, heroku.PipelineTransfer{Pipeline: heroku.ID{ID: f.lines[0].ID}, PreviousOwner: was, NewOwner: &in.NewOwner})
		}
	})
	mux.HandleFunc("GET /teams/{team}", func(w http.ResponseWriter, r *http.Request) {
		if ref := r.PathValue("team"); ref != "acme" && ref != id(3) {
			missing(w, "team")
			return
		}
		reply(w, 200, heroku.Team{ID: id(3), Name: "acme", TrustedRanges: f.ranges})
	})
	mux.HandleFunc("GET /users/{user}", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, heroku.Account{ID: id(2), Email: r.PathValue("user")})
	})
	mux.HandleFunc("GET /pipelines/{pipeline}/stage/review/config-vars", one(func(w http.ResponseWriter, _ *http.Request, _ int) { reply(w, 200, f.stage) }))
	mux.HandleFunc("PATCH /pipelines/{pipeline}/stage/review/config-vars", one(func(w http.ResponseWriter, r *http.Request, _ int) {
		if in, ok := read[heroku.ConfigVarUpdateOpts](w, r); ok {
			change(f.stage, in)
			reply(w, 200, f.stage)
		}
	}))
	f.couplingRoutes(mux, one)
}

func (f *fake) couplingRoutes(mux *http.ServeMux, one func(func(http.ResponseWriter, *http.Request, int)) http.HandlerFunc) {
	mux.HandleFunc("GET /pipelines/{pipeline}/pipeline-couplings", one(func(w http.ResponseWriter, _ *http.Request, _ int) {
		reply(w, 200, heroku.List[heroku.PipelineCoupling](f.places))
	}))
	mux.HandleFunc("POST /pipeline-couplings", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.PipelineCouplingOpts](w, r)
		if !ok {
			return
		}
		i := slices.IndexFunc(f.apps, func(a heroku.App) bool { return a.Name == string(in.App) })
		c := heroku.PipelineCoupling{ID: id(7100 + len(f.places)), App: heroku.ID{ID: f.apps[i].ID}, Pipeline: heroku.Named{ID: f.lines[0].ID, Name: f.lines[0].Name}, Stage: in.Stage}
		f.places = append(f.places, c)
		reply(w, 201, c)
	})
	mux.HandleFunc("GET /apps/{app}/pipeline-couplings", f.on(func(w http.ResponseWriter, _ *http.Request, a *heroku.App) {
		if i := slices.IndexFunc(f.places, func(c heroku.PipelineCoupling) bool { return c.App.ID == a.ID }); i >= 0 {
			reply(w, 200, f.places[i])
			return
		}
		problem(w, 404, heroku.ErrNotFound, "This app is in no pipeline.", "pipeline_coupling")
	}))
	place := func(r *http.Request) int {
		return slices.IndexFunc(f.places, func(c heroku.PipelineCoupling) bool { return c.ID == r.PathValue("coupling") })
	}
	mux.HandleFunc("PATCH /pipeline-couplings/{coupling}", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := read[heroku.PipelineCouplingOpts](w, r); ok {
			c := &f.places[place(r)]
			c.Stage = in.Stage
			reply(w, 200, *c)
		}
	})
	mux.HandleFunc("DELETE /pipeline-couplings/{coupling}", func(w http.ResponseWriter, r *http.Request) {
		i := place(r)
		gone := f.places[i]
		f.places = slices.Delete(f.places, i, i+1)
		reply(w, 200, gone)
	})
	var targets heroku.List[heroku.PipelinePromotionTarget]
	mux.HandleFunc("POST /pipeline-promotions", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := read[heroku.PipelinePromotionOpts](w, r); ok {
			targets = nil
			for _, t := range in.Targets {
				target := heroku.PipelinePromotionTarget{App: heroku.ID{ID: string(t.App)}, Status: "pending"}
				if i := slices.IndexFunc(f.apps, func(a heroku.App) bool { return a.ID == string(t.App) }); f.apps[i].Name == "full" {
					target.Status, target.ErrorMessage = "failed", heroku.Pointer("It has no room.")
				}
				targets = append(targets, target)
			}
			reply(w, 201, heroku.PipelinePromotion{ID: id(7200), Status: "pending"})
		}
	})
	mux.HandleFunc("GET /pipeline-promotions/{promotion}/promotion-targets", func(w http.ResponseWriter, _ *http.Request) {
		shown := slices.Clone(targets)
		for i := range targets { // by the next look it is done
			if targets[i].Status == "pending" {
				targets[i].Status = "succeeded"
			}
		}
		reply(w, 200, shown)
	})
}
