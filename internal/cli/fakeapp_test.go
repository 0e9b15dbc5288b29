package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func (f *fake) app(w http.ResponseWriter, r *http.Request) *heroku.App {
	for i := range f.apps {
		if a := &f.apps[i]; a.Name == r.PathValue("app") || a.ID == r.PathValue("app") {
			return a
		}
	}
	missing(w, "app")
	return nil
}

// on makes a handler of what is done with an app.
func (f *fake) on(fn func(w http.ResponseWriter, r *http.Request, a *heroku.App)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a := f.app(w, r); a != nil {
			fn(w, r, a)
		}
	}
}

// release makes a release of an app that runs the code of the one before.
func (f *fake) release(a *heroku.App, description string) heroku.Release {
	rs := f.releases[a.ID]
	for i := range rs {
		rs[i].Current = false
	}
	n := len(rs) + 1
	rel := heroku.Release{ID: id(1000 + n), Version: n, Description: description, Status: "succeeded", Current: true,
		EligibleForRollback: n > 1, Slug: &heroku.ID{ID: id(2000 + n)}, User: heroku.Person{Email: "ann@example.com"}, CreatedAt: heroku.At(fakeNow.Add(-time.Minute))}
	f.releases[a.ID] = append(rs, rel)
	return rel
}

func (f *fake) dynos(a heroku.App) heroku.List[heroku.Dyno] {
	var ds heroku.List[heroku.Dyno]
	rs := f.releases[a.ID]
	for _, p := range f.form[a.ID] {
		for n := range p.Quantity {
			d := heroku.Dyno{ID: id(2000 + len(ds)), Name: fmt.Sprintf("%s.%d", p.Type, n+1), Type: p.Type, Command: p.Command, Size: p.Size,
				State: "up", Release: &heroku.DynoRelease{Version: len(rs)}, UpdatedAt: heroku.At(fakeNow.Add(-2 * time.Hour))}
			if f.looks < 3 {
				d.State = "starting"
			}
			ds = append(ds, d)
		}
	}
	return ds
}

func (f *fake) appRoutes(mux *http.ServeMux) {
	create := func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.AppCreateOpts](w, r)
		if !ok {
			return
		}
		a := heroku.App{ID: id(500 + len(f.apps)), Name: in.Name, Stack: heroku.Named{Name: "debian-12"}, BuildStack: heroku.Named{Name: "debian-12"},
			Owner: heroku.Person{Email: "acme@herokumanager.com"}, Team: &heroku.Named{Name: "acme"}, Region: heroku.Named{Name: "virginia"},
			InternalRouting: in.InternalRouting, RepoSize: heroku.Pointer(int64(5 << 20)), CreatedAt: heroku.At(fakeNow)}
		if a.Name == "" {
			a.Name = "calm-harbor-12345"
		}
		if in.Stack != "" {
			a.BuildStack.Name = string(in.Stack)
		}
		for _, s := range f.spaces {
			if s.Name == string(in.Space) {
				a.Space = &heroku.AppSpace{ID: s.ID, Name: s.Name}
			}
		}
		if in.Space != "" && a.Space == nil {
			missing(w, "space")
			return
		}
		a.GitURL = "https://" + r.Host + "/" + a.Name + ".git"
		a.WebURL = heroku.Pointer("https://" + a.Name + "-0123456789ab.apps.localhost/")
		f.apps = append(f.apps, a)
		f.form[a.ID] = []heroku.Formation{{Type: "web", Command: "node server.js", Quantity: 2, Size: "Private-S"},
			{Type: "worker", Command: "node worker.js", Quantity: 1, Size: "Private-S"}}
		if a.Name == "migrating" {
			f.form[a.ID] = append(f.form[a.ID], heroku.Formation{Type: "release", Command: "migrate", Size: "Private-S"})
		}
		f.domains[a.ID] = []heroku.Domain{{Hostname: a.Name + "-0123456789ab.apps.localhost", Kind: "heroku"}}
		f.config[a.ID] = heroku.ConfigVars{}
		f.release(&a, "Initial release")
		f.release(&a, "Deploy 1234567")
		reply(w, 201, a)
	}
	mux.HandleFunc("POST /apps", create)
	mux.HandleFunc("POST /teams/apps", create)
	list := func(w http.ResponseWriter, r *http.Request) { reply(w, 200, heroku.List[heroku.App](f.apps)) }
	mux.HandleFunc("GET /apps", list)
	mux.HandleFunc("GET /teams/acme/apps", list)
	mux.HandleFunc("GET /apps/{app}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) { reply(w, 200, a) }))
	mux.HandleFunc("PATCH /apps/{app}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.AppUpdateOpts](w, r)
		if !ok {
			return
		}
		if in.Maintenance != nil {
			a.Maintenance = *in.Maintenance
		}
		if in.BootTimeout != nil {
			a.BootTimeout = *in.BootTimeout
		}
		if in.BuildStack != nil {
			a.BuildStack.Name = string(*in.BuildStack)
		}
		if in.Name != nil {
			a.Name, a.GitURL = *in.Name, strings.Replace(a.GitURL, "/"+a.Name+".git", "/"+*in.Name+".git", 1)
		}
		reply(w, 200, a)
	}))
	mux.HandleFunc("DELETE /apps/{app}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		gone := *a
		f.apps = slices.DeleteFunc(f.apps, func(o heroku.App) bool { return o.ID == gone.ID })
		reply(w, 200, gone)
	}))
	f.featureRoutes(mux)
	f.addonRoutes(mux)
	mux.HandleFunc("GET /apps/{app}/collaborators", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, append([]heroku.Collaborator{{User: heroku.CollaboratorUser{Email: "acme@herokumanager.com"}, Role: heroku.Pointer("owner")}}, f.collabs...))
	}))
	mux.HandleFunc("POST /teams/apps/{app}/collaborators", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.CollaboratorCreateOpts](w, r)
		if !ok {
			return
		}
		c := heroku.Collaborator{User: heroku.CollaboratorUser{Email: string(in.User)}}
		for _, p := range in.Permissions {
			c.Permissions = append(c.Permissions, heroku.Permission{Name: p})
		}
		f.collabs = append(f.collabs, c)
		reply(w, 201, c)
	}))
	mux.HandleFunc("DELETE /apps/{app}/collaborators/{email}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		f.collabs = slices.DeleteFunc(f.collabs, func(c heroku.Collaborator) bool { return c.User.Email == r.PathValue("email") })
		reply(w, 200, struct{}{})
	}))
	f.releaseRoutes(mux)
	f.drainRoutes(mux)
	f.webhookRoutes(mux)
	f.jobRoutes(mux)
	f.pipelineRoutes(mux)
	f.monitorRoutes(mux)
}

// change sets and, where there is null, removes config vars.
func change(vars heroku.ConfigVars, in heroku.ConfigVarUpdateOpts) {
	for k, v := range in {
		if delete(vars, k); v != nil {
			vars[k] = *v
		}
	}
}

func (f *fake) releaseRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /apps/{app}/config-vars", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) { reply(w, 200, f.config[a.ID]) }))
	mux.HandleFunc("PATCH /apps/{app}/config-vars", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.ConfigVarUpdateOpts](w, r)
		if !ok {
			return
		}
		change(f.config[a.ID], in)
		f.release(a, "Config change")
		reply(w, 200, f.config[a.ID])
	}))
	mux.HandleFunc("GET /apps/{app}/releases", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		rng, err := heroku.ParseRange(r.Header.Get("Range"))
		if err != nil || rng.Field != "version" || !rng.Desc {
			problem(w, 400, "bad_request", "Range: "+r.Header.Get("Range"), "")
			return
		}
		rs := slices.Clone(f.releases[a.ID])
		slices.Reverse(rs)
		reply(w, 206, rs[:min(len(rs), rng.Max)])
	}))
	mux.HandleFunc("GET /apps/{app}/releases/{release}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		n, err := strconv.Atoi(r.PathValue("release"))
		if err != nil || n < 1 || n > len(f.releases[a.ID]) {
			missing(w, "release")
			return
		}
		rel := f.releases[a.ID][n-1]
		if n == 1 {
			rel.OutputStreamURL = heroku.Pointer(f.URL + "/streams/output/1")
		}
		reply(w, 200, rel)
	}))
	mux.HandleFunc("GET /apps/{app}/releases/{release}/config-vars", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, f.config[a.ID])
	}))
	mux.HandleFunc("POST /apps/{app}/releases", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.ReleaseCreateOpts](w, r)
		if !ok {
			return
		}
		for _, rel := range f.releases[a.ID] {
			if rel.ID == string(in.Release) {
				reply(w, 201, f.release(a, fmt.Sprintf("Rollback to v%d", rel.Version)))
				return
			}
		}
		if in.Slug != "" {
			rel := f.release(a, in.Description)
			f.releases[a.ID][rel.Version-1].Status = "failed" // soon
			rel.Status, rel.OutputStreamURL = "pending", heroku.Pointer(f.URL+"/streams/output/1")
			reply(w, 201, rel)
			return
		}
		missing(w, "release")
	}))
	mux.HandleFunc("GET /streams/output/1", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "migrating\nmigrated\n") })
	mux.HandleFunc("POST /apps/{app}/log-sessions", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.LogSessionCreateOpts](w, r)
		if !ok {
			return
		}
		reply(w, 201, heroku.LogSession{LogplexURL: f.URL + "/streams/logs/1?dyno=" + in.Process() + "&lines=" + fmt.Sprint(*in.Lines)})
	}))
	mux.HandleFunc("GET /streams/logs/1", func(w http.ResponseWriter, r *http.Request) {
		lines := []string{"2024-01-02T03:04:05.000000+00:00 heroku[web.1]: State changed from starting to up",
			"2024-01-02T03:04:06.000000+00:00 app[web.1]: listening", "2024-01-02T03:04:07.000000+00:00 app[worker.1]: working"}
		n, _ := strconv.Atoi(r.URL.Query().Get("lines"))
		lines = slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, "["+r.URL.Query().Get("dyno")) })
		for i, l := range lines[max(0, len(lines)-n):] {
			fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i, l)
		}
	})
}

// offer is where a command is attached to.
func (f *fake) offer(command string) *string {
	f.secrets["s3cret?x=1"] = command
	_, port, _ := strings.Cut(f.attach.Addr().String(), ":")
	return heroku.Pointer("rendezvous://127.0.0.1:" + port + "/s3cret?x=1")
}

func (f *fake) dynoRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /apps/{app}/dynos", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		f.looks++
		reply(w, 200, f.dynos(*a))
	}))
	mux.HandleFunc("POST /apps/{app}/dynos", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.DynoCreateOpts](w, r)
		if !ok {
			return
		}
		if f.attach == nil {
			problem(w, 501, heroku.ErrUnsupported, "One-off dynos are not available on this server yet.", "")
			return
		}
		d := heroku.Dyno{ID: id(3000), Name: "run.1234", Type: "run", Size: "Private-S", State: "starting", Command: in.Command}
		if in.Attach {
			d.AttachURL = f.offer(in.Command)
		}
		reply(w, 201, d)
	}))
	mux.HandleFunc("POST /apps/{app}/dynos/{dyno}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.DynoCreateOpts](w, r)
		if !ok {
			return
		}
		reply(w, 201, heroku.Dyno{ID: id(3001), Name: r.PathValue("dyno"), Size: "Private-S", State: "up", Command: in.Command, AttachURL: f.offer(in.Command)})
	}))
	for _, path := range []string{"DELETE /apps/{app}/dynos", "DELETE /apps/{app}/dynos/{dyno}", "DELETE /apps/{app}/formations/{type}",
		"POST /apps/{app}/dynos/{dyno}/actions/stop", "POST /apps/{app}/formations/{type}/actions/stop"} {
		mux.HandleFunc(path, f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
			f.looks = 0
			reply(w, 202, struct{}{})
		}))
	}
	mux.HandleFunc("GET /apps/{app}/formation", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) { reply(w, 200, f.form[a.ID]) }))
	mux.HandleFunc("PATCH /apps/{app}/formation", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.FormationBatchOpts](w, r)
		if !ok {
			return
		}
		for _, u := range in.Updates {
			i := slices.IndexFunc(f.form[a.ID], func(p heroku.Formation) bool { return p.Type == u.Type })
			if i < 0 {
				missing(w, "process type")
				return
			}
			if u.Quantity != nil {
				f.form[a.ID][i].Quantity = u.Quantity.Of(f.form[a.ID][i].Quantity)
			}
			if u.Size != "" {
				f.form[a.ID][i].Size = string(u.Size)
			}
		}
		reply(w, 200, f.form[a.ID])
	}))
	mux.HandleFunc("GET /apps/{app}/domains", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) { reply(w, 200, f.domains[a.ID]) }))
	mux.HandleFunc("POST /apps/{app}/domains", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.DomainCreateOpts](w, r)
		if !ok {
			return
		}
		d := heroku.Domain{Hostname: in.Hostname, Kind: "custom", Status: "none", CNAME: heroku.Pointer(in.Hostname + ".dns.example")}
		f.domains[a.ID] = append(f.domains[a.ID], d)
		reply(w, 201, d)
	}))
	f.certRoutes(mux)
	mux.HandleFunc("DELETE /apps/{app}/domains/{host}", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		n := len(f.domains[a.ID])
		f.domains[a.ID] = slices.DeleteFunc(f.domains[a.ID], func(d heroku.Domain) bool { return d.Hostname == r.PathValue("host") })
		if len(f.domains[a.ID]) == n {
			missing(w, "domain")
			return
		}
		reply(w, 200, struct{}{})
	}))
	mux.HandleFunc("GET /apps/{app}/buildpack-installations", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		reply(w, 200, heroku.List[heroku.BuildpackInstallation](f.packs[a.ID]))
	}))
	mux.HandleFunc("PUT /apps/{app}/buildpack-installations", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		in, ok := read[heroku.BuildpackUpdateOpts](w, r)
		if !ok {
			return
		}
		f.packs[a.ID] = nil
		for i, u := range in.Updates {
			f.packs[a.ID] = append(f.packs[a.ID], heroku.BuildpackInstallation{Ordinal: i, Buildpack: heroku.Buildpack{URL: string(u.Buildpack), Name: string(u.Buildpack)}})
		}
		reply(w, 200, heroku.List[heroku.BuildpackInstallation](f.packs[a.ID]))
	}))
}
