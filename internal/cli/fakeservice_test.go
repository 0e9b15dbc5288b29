package cli_test

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func (f *fake) attachmentRoutes(mux *http.ServeMux, d *fakeAddons) {
	mux.HandleFunc("GET /addon-attachments", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, heroku.List[heroku.Attachment](d.attached))
	})
	mux.HandleFunc("GET /addons/{addon}/addon-attachments", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, heroku.List[heroku.Attachment](slices.DeleteFunc(slices.Clone(d.attached), func(t heroku.Attachment) bool { return t.Addon.ID != r.PathValue("addon") })))
	})
	mux.HandleFunc("GET /apps/{app}/addon-attachments/{name}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		for _, t := range d.attached {
			if t.App.ID == a.ID && t.Name == r.PathValue("name") {
				reply(w, 200, t)
				return
			}
		}
		missing(w, "add_on attachment")
	}))
	mux.HandleFunc("DELETE /addon-attachments/{id}", func(w http.ResponseWriter, r *http.Request) {
		i := slices.IndexFunc(d.attached, func(t heroku.Attachment) bool { return t.ID == r.PathValue("id") })
		gone := d.attached[i]
		d.attached = slices.Delete(d.attached, i, i+1)
		f.release(f.named(gone.App.Name), "Detach "+gone.Name)
		reply(w, 200, gone)
	})
	mux.HandleFunc("POST /addon-attachments", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.AttachmentOpts](w, r)
		if !ok {
			return
		}
		i := slices.IndexFunc(d.addons, func(x heroku.Addon) bool { return x.ID == string(in.Addon) })
		a := f.named(string(in.App))
		if i < 0 || a == nil {
			missing(w, "add_on")
			return
		}
		if in.Namespace == "credential:nobody" {
			problem(w, 422, "invalid_params", d.addons[i].Name+" has no credential nobody.", "")
			return
		}
		same := func(t heroku.Attachment) bool { return t.App.ID == a.ID && t.Name == in.Name }
		if slices.ContainsFunc(d.attached, same) && in.Confirm != a.Name {
			problem(w, 423, heroku.ErrConfirm, "Something is already attached to "+a.Name+" as "+in.Name+", which would be replaced.", "")
			return
		}
		if in.Name == "" {
			in.Name = strings.ToUpper(d.addons[i].AddonService.Name) + "_AMBER"
		}
		d.attached = slices.DeleteFunc(d.attached, same)
		f.release(a, "Attach "+in.Name)
		reply(w, 201, d.attach(d.addons[i], a, in.Name))
	})
}

// named is an app by its name; nil if there is none.
func (f *fake) named(name string) *heroku.App {
	i := slices.IndexFunc(f.apps, func(a heroku.App) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &f.apps[i]
}

func (f *fake) serviceRoutes(mux *http.ServeMux, d *fakeAddons) {
	mux.HandleFunc("GET /addon-services", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, heroku.List[heroku.AddonService](d.services))
	})
	mux.HandleFunc("POST /addon-services", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[struct{ ID, Name string }](w, r)
		if !ok {
			return
		}
		reply(w, 201, d.offer(in.ID, in.Name, map[string]int{"small": 0, "large": 5000}))
	})
	one := func(do func(w http.ResponseWriter, r *http.Request, i int)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if i := d.service(r); i >= 0 {
				do(w, r, i)
				return
			}
			missing(w, "add_on service")
		}
	}
	mux.HandleFunc("GET /addon-services/{service}", one(func(w http.ResponseWriter, r *http.Request, i int) { reply(w, 200, d.services[i]) }))
	mux.HandleFunc("PATCH /addon-services/{service}", one(func(w http.ResponseWriter, r *http.Request, i int) {
		if in, ok := read[heroku.ServiceOpts](w, r); ok {
			d.services[i].State = in.State
			reply(w, 200, d.services[i])
		}
	}))
	mux.HandleFunc("DELETE /addon-services/{service}", one(func(w http.ResponseWriter, r *http.Request, i int) {
		gone := d.services[i]
		d.services = slices.Delete(d.services, i, i+1)
		reply(w, 200, gone)
	}))
	mux.HandleFunc("GET /addon-services/{service}/plans", one(func(w http.ResponseWriter, r *http.Request, i int) {
		reply(w, 200, heroku.List[heroku.Plan](slices.DeleteFunc(slices.Clone(d.plans), func(p heroku.Plan) bool { return p.AddonService.Name != d.services[i].Name })))
	}))
	mux.HandleFunc("PATCH /addon-services/{service}/plans/{plan}", one(func(w http.ResponseWriter, r *http.Request, i int) {
		in, ok := read[heroku.PlanOpts](w, r)
		if !ok {
			return
		}
		p := &d.plans[d.plan(heroku.Ref(d.services[i].Name+":"+r.PathValue("plan")))]
		if in.Cents != nil {
			p.Price.Cents = *in.Cents
		}
		if in.Regions != nil {
			p.Regions = *in.Regions
		}
		reply(w, 200, p)
	}))
}
