package cli_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// fakeAddons are what a fake has of add-ons. Those of the plan public-0 take a confirmation, and those called doomed can not
// be made. All are on their way until they are looked at in their app.
type fakeAddons struct {
	services []heroku.AddonService
	plans    []heroku.Plan
	addons   []heroku.Addon
	attached []heroku.Attachment
}

// offer puts a service with its plans, and what they cost, into the catalogue.
func (d *fakeAddons) offer(name, human string, cents map[string]int) heroku.AddonService {
	s := heroku.AddonService{ID: id(8000 + len(d.services)), Name: name, HumanName: human, State: "ga"}
	d.services = append(d.services, s)
	for i, plan := range slices.Sorted(maps.Keys(cents)) {
		d.plans = append(d.plans, heroku.Plan{ID: id(8100 + len(d.plans)), Name: name + ":" + plan, HumanName: strings.ToTitle(plan[:1]) + plan[1:], Default: i == 0,
			AddonService: heroku.Named{Name: name}, Price: heroku.Price{Cents: cents[plan], Unit: "month"}})
	}
	return s
}

func (d *fakeAddons) service(r *http.Request) int {
	return slices.IndexFunc(d.services, func(s heroku.AddonService) bool { return s.Name == r.PathValue("service") })
}

// plan is a plan by its whole name, or the default of a service.
func (d *fakeAddons) plan(ref heroku.Ref) int {
	return slices.IndexFunc(d.plans, func(p heroku.Plan) bool {
		return p.Name == string(ref) || p.Default && p.AddonService.Name == string(ref)
	})
}

func (d *fakeAddons) addon(r *http.Request) int {
	return slices.IndexFunc(d.addons, func(a heroku.Addon) bool {
		return (a.ID == r.PathValue("addon") || a.Name == r.PathValue("addon")) && (r.PathValue("app") == "" || a.App.ID == r.PathValue("app"))
	})
}

// look is what time does to an add-on.
func (d *fakeAddons) look(i int) (gone bool) {
	switch a := &d.addons[i]; {
	case a.State == "deprovisioning":
		d.addons = slices.Delete(d.addons, i, i+1)
		return true
	case a.Name == "doomed":
		a.State, a.ProvisionMessage = "deprovisioned", "It has no room."
	default:
		a.State = "provisioned"
	}
	return false
}

func (d *fakeAddons) attach(x heroku.Addon, a *heroku.App, name string) heroku.Attachment {
	t := heroku.Attachment{ID: id(8300 + len(d.attached)), Name: name, App: heroku.Named{ID: a.ID, Name: a.Name},
		Addon: heroku.AddonRef{ID: x.ID, Name: x.Name, App: x.App, Plan: heroku.Named{Name: x.Plan.Name}}}
	d.attached = append(d.attached, t)
	return t
}

func (f *fake) addonRoutes(mux *http.ServeMux) {
	d := &fakeAddons{}
	d.offer("heroku-redis", "Heroku Key-Value Store", map[string]int{"private-3": 4999, "private-5": 0, "public-0": 1500})
	d.offer("scheduler", "Heroku Scheduler", map[string]int{"standard": 0})
	f.serviceRoutes(mux, d)
	f.attachmentRoutes(mux, d)
	list := func(w http.ResponseWriter, r *http.Request) { reply(w, 200, heroku.List[heroku.Addon](d.addons)) }
	mux.HandleFunc("GET /addons", list)
	mux.HandleFunc("GET /apps/{app}/addons", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, heroku.List[heroku.Addon](slices.DeleteFunc(slices.Clone(d.addons), func(x heroku.Addon) bool {
			return x.App.ID != a.ID && !slices.ContainsFunc(d.attached, func(t heroku.Attachment) bool { return t.App.ID == a.ID && t.Addon.ID == x.ID })
		})))
	}))
	mux.HandleFunc("POST /apps/{app}/addons", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.AddonOpts](w, r)
		if !ok {
			return
		}
		i := d.plan(in.Plan)
		if i < 0 {
			problem(w, 422, "invalid_params", "Couldn't find either the add-on service or the add-on plan of \""+string(in.Plan)+"\".", "")
			return
		}
		plan := d.plans[i]
		if strings.HasSuffix(plan.Name, ":public-0") && in.Confirm != a.Name {
			problem(w, 423, heroku.ErrConfirm, "This add-on is not automatically networked with this Private Space.", "")
			return
		}
		x := heroku.Addon{ID: id(8200 + len(d.addons)), Name: in.Name, State: "provisioning", App: heroku.Named{ID: a.ID, Name: a.Name}, Plan: plan,
			BilledPrice: plan.Price, AddonService: d.services[slices.IndexFunc(d.services, func(s heroku.AddonService) bool { return s.Name == plan.AddonService.Name })],
			CreatedAt: heroku.At(fakeNow)}
		if x.Name == "" {
			x.Name = strings.TrimPrefix(x.AddonService.Name, "heroku-") + "-round-12345"
		}
		for _, name := range slices.Sorted(maps.Keys(in.Config)) {
			x.ProvisionMessage += "With " + name + " " + in.Config[name] + ". "
		}
		if x.AddonService.Name == "acme-db" {
			x.WebURL = heroku.Pointer("https://acme.example/dashboard")
		}
		name := strings.ToUpper(strings.TrimPrefix(x.AddonService.Name, "heroku-"))
		if in.Attachment != nil {
			name = in.Attachment.Name
		}
		x.ConfigVars = heroku.List[string]{name + "_URL"}
		d.addons = append(d.addons, x)
		d.attach(x, a, name)
		reply(w, 201, x)
	}))
	one := func(do func(w http.ResponseWriter, r *http.Request, i int)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if i := d.addon(r); i >= 0 {
				do(w, r, i)
				return
			}
			missing(w, "add_on")
		}
	}
	mux.HandleFunc("GET /apps/{app}/addons/{addon}", one(func(w http.ResponseWriter, r *http.Request, i int) {
		if d.look(i) {
			missing(w, "add_on")
			return
		}
		reply(w, 200, d.addons[i])
	}))
	mux.HandleFunc("PATCH /apps/{app}/addons/{addon}", one(func(w http.ResponseWriter, r *http.Request, i int) {
		in, ok := read[heroku.AddonUpdateOpts](w, r)
		if !ok {
			return
		}
		if in.Name != nil {
			d.addons[i].Name = *in.Name
		}
		if in.Plan != nil {
			plan := d.plan(*in.Plan)
			if plan < 0 {
				problem(w, 422, "invalid_params", "Couldn't find either the add-on service or the add-on plan of \""+string(*in.Plan)+"\".", "")
				return
			}
			d.addons[i].Plan = d.plans[plan]
		}
		reply(w, 200, d.addons[i])
	}))
	mux.HandleFunc("DELETE /apps/{app}/addons/{addon}", one(func(w http.ResponseWriter, r *http.Request, i int) {
		in, ok := read[heroku.AddonDeleteOpts](w, r)
		if !ok {
			return
		}
		of := func(t heroku.Attachment) bool { return t.Addon.ID == d.addons[i].ID }
		if !in.Force && slices.ContainsFunc(d.attached, func(t heroku.Attachment) bool { return of(t) && t.App.ID != d.addons[i].App.ID }) {
			problem(w, 422, "invalid_params", d.addons[i].Name+" is attached to other apps too.", "")
			return
		}
		d.attached = slices.DeleteFunc(d.attached, of)
		d.addons[i].State = "deprovisioning"
		reply(w, 200, d.addons[i])
	}))
	mux.HandleFunc("GET /apps/{app}/addons/{addon}/sso", one(func(w http.ResponseWriter, r *http.Request, i int) {
		reply(w, 200, heroku.AddonSSO{Method: "POST", Action: *d.addons[i].WebURL, Params: map[string]string{"token": "hush", "app": `<"shop">`}})
	}))
	mux.HandleFunc("POST /actions/addons/resolve", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.AddonResolveOpts](w, r)
		if !ok {
			return
		}
		app, ref, whole := strings.Cut(string(in.Addon), "::")
		if !whole {
			app, ref = string(in.App), app
		}
		var out []heroku.Addon
		for _, x := range d.addons {
			if x.Name == ref || app != "" && x.App.Name == app && x.AddonService.Name == ref || slices.ContainsFunc(d.attached, func(t heroku.Attachment) bool {
				return t.Addon.ID == x.ID && t.App.Name == app && t.Name == ref
			}) {
				out = append(out, x)
			}
		}
		if len(out) == 0 {
			missing(w, "add_on")
			return
		}
		reply(w, 200, out)
	})
}
