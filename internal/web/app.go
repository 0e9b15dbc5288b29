package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// An appView is what the pages of an app show.
type appView struct {
	platform.AppInfo
	May       platform.Rights
	URL       string
	Git       string
	Formation []cloister.ProcessType
	Dynos     []cloister.Dyno
	Addons    []platform.AddonInfo
	Builds    []cloister.Build
	Releases  []cloister.Release
	Happened  []happening
}

// Sizes are those that a dyno of the app may have.
func (a appView) Sizes() []cloister.DynoSize {
	return slices.DeleteFunc(slices.Clone(cloister.DynoSizes), func(s cloister.DynoSize) bool { return s.Shield != a.Space.Shield })
}

// Release is the one that runs: the newest that has succeeded.
func (a appView) Release() *cloister.Release {
	i := slices.IndexFunc(a.Releases, func(r cloister.Release) bool { return r.Status == cloister.ReleaseSucceeded })
	if i < 0 {
		return nil
	}
	return &a.Releases[i]
}

// Deployed reports whether there is something to run.
func (a appView) Deployed() bool { return len(a.Formation) > 0 }

// ofApp begins a page of the app that the path names.
func (w *Web) ofApp(v *visit, template string) (p page, a appView, err error) {
	if a.AppInfo, err = w.platform.App(v.Context(), v.actor, v.PathValue("app")); err != nil {
		return p, a, err
	}
	a.May, err = w.platform.AppRights(v.Context(), v.actor, a.ID)
	a.URL, a.Git = w.config.address(a.Host), w.config.GitURL+a.Name+".git"
	p = page{template: template, Title: a.Name, Trail: append(spaceTrail(a.Team, a.Space), link{Name: a.Name, Path: at("", "apps", a.Name)})}
	if a.Maintenance {
		p.State = "maintenance"
	}
	p.Tabs = tabs([]string{"apps", a.Name}, "Overview", "", "Resources", "resources", "Deploy", "deploy", "Activity", "activity", "Logs", "logs",
		"Access", "access", "Settings", "settings")
	return p, a, err
}

// running adds what runs of an app.
func (w *Web) running(v *visit, a *appView) (err error) {
	if _, a.Formation, err = w.platform.Formation(v.Context(), v.actor, a.ID); err == nil {
		_, a.Dynos, err = w.platform.Dynos(v.Context(), v.actor, a.ID)
	}
	slices.SortFunc(a.Dynos, func(x, y cloister.Dyno) int {
		return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.Number, y.Number))
	})
	return err
}

// history adds what was built and released, newest first, at most so many of each.
func (w *Web) history(v *visit, a *appView, most int) (err error) {
	if _, a.Builds, err = w.platform.Builds(v.Context(), v.actor, a.ID); err == nil {
		_, a.Releases, err = w.platform.Releases(v.Context(), v.actor, a.ID)
	}
	slices.SortFunc(a.Builds, func(x, y cloister.Build) int { return y.CreatedAt.Compare(x.CreatedAt) })
	a.Builds, a.Releases = a.Builds[:min(most, len(a.Builds))], a.Releases[:min(most, len(a.Releases))]
	return err
}

func (w *Web) appPage(v *visit) (page, error) {
	p, a, err := w.ofApp(v, "app.html")
	if err == nil {
		err = w.running(v, &a)
	}
	if err == nil {
		err = w.history(v, &a, 5)
	}
	a.Happened = happened(a)
	p.Data, p.Live = a, "app.live"
	return p, err
}

func (w *Web) resourcesPage(v *visit) (page, error) {
	p, a, err := w.ofApp(v, "app-resources.html")
	if err == nil {
		err = w.running(v, &a)
	}
	if err == nil {
		a.Addons, err = w.platform.AppAddons(v.Context(), v.actor, a.ID)
	}
	p.Data, p.Live = a, "app-resources.live"
	return p, err
}

func (w *Web) scale(v *visit) (string, error) {
	app, size := v.PathValue("app"), v.PostFormValue("size")
	quantity, err := strconv.Atoi(v.PostFormValue("quantity"))
	if err != nil {
		return "", in("quantity", cloister.Errorf(cloister.Invalid, "Give a number of dynos."))
	}
	_, _, err = w.platform.Scale(v.Context(), v.actor, app, []platform.Scaling{{Type: v.PathValue("type"), Quantity: &quantity, Size: &size}})
	return at("scaled", "apps", app, "resources"), in("quantity", err)
}

// restart restarts a dyno, or all of them.
func (w *Web) restart(v *visit) (string, error) {
	_, err := w.platform.Restart(v.Context(), v.actor, v.PathValue("app"), v.PostFormValue("dyno"))
	return at("restarted", "apps", v.PathValue("app"), "resources"), err
}

func (w *Web) deployPage(v *visit) (page, error) {
	p, a, err := w.ofApp(v, "app-deploy.html")
	if err == nil {
		err = w.history(v, &a, 20)
	}
	p.Data, p.Live = a, "app-deploy.live"
	return p, err
}

func (w *Web) rollback(v *visit) (string, error) {
	_, _, err := w.platform.Rollback(v.Context(), v.actor, v.PathValue("app"), v.PostFormValue("release"))
	return at("rolled-back", "apps", v.PathValue("app"), "deploy"), err
}

// A happening is something that was done to an app.
type happening struct {
	At                time.Time
	Who, What, Detail string
	State             string
	Path              string // of more about it; "": there is none
}

// happened tells an app's builds and releases together, newest first.
func happened(a appView) (out []happening) {
	for _, b := range a.Builds {
		out = append(out, happening{b.CreatedAt, b.UserEmail, strings.TrimSpace("Build " + short(b.Version)), b.Message, string(b.Status), at("", "apps", a.Name, "deploy", "builds", b.ID)})
	}
	for _, r := range a.Releases {
		out = append(out, happening{r.CreatedAt, r.UserEmail, "v" + strconv.Itoa(r.Version), r.Description, string(r.Status), ""})
	}
	slices.SortStableFunc(out, func(x, y happening) int { return y.At.Compare(x.At) })
	return out
}

func (w *Web) activityPage(v *visit) (page, error) {
	p, a, err := w.ofApp(v, "app-activity.html")
	if err == nil {
		err = w.history(v, &a, 200)
	}
	a.Happened = happened(a)
	p.Data, p.Live = a, "app-activity.live"
	return p, err
}

// An appAccessView is what the access page of an app shows.
type appAccessView struct {
	appView
	Admins        []cloister.Member
	Collaborators []cloister.Collaborator
}

// Permissions are those that a collaborator may have, beside that to view.
func (appAccessView) Permissions() []cloister.Permission {
	return []cloister.Permission{cloister.DeployPermission, cloister.OperatePermission, cloister.ManagePermission}
}

func (w *Web) appAccessPage(v *visit) (page, error) {
	p, a, err := w.ofApp(v, "app-access.html")
	out := appAccessView{appView: a}
	if err == nil {
		_, out.Admins, out.Collaborators, err = w.platform.Collaborators(v.Context(), v.actor, a.ID)
	}
	p.Data = out
	return p, err
}

func (w *Web) addCollaborator(v *visit) (string, error) {
	app := v.PathValue("app")
	_, _, err := w.platform.AddCollaborator(v.Context(), v.actor, app, strings.TrimSpace(v.PostFormValue("email")), v.PostForm["permission"])
	return at("added", "apps", app, "access"), in("email", err)
}

func (w *Web) setCollaborator(v *visit) (string, error) {
	app := v.PathValue("app")
	_, _, err := w.platform.UpdateCollaborator(v.Context(), v.actor, app, v.PathValue("user"), v.PostForm["permission"])
	return at("saved", "apps", app, "access"), err
}

// removeCollaborator keeps somebody from an app; who leaves may see it no longer.
func (w *Web) removeCollaborator(v *visit) (string, error) {
	app := v.PathValue("app")
	_, c, err := w.platform.RemoveCollaborator(v.Context(), v.actor, app, v.PathValue("user"))
	if c.UserID == v.actor.User.ID {
		return at("removed"), err
	}
	return at("removed", "apps", app, "access"), err
}
