package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/cloister-dev/cloister"
)

// home is where the dashboard begins. All of its pages are below, so that none is in the way of a path of the API.
const home = "/dashboard"

// maxEntry is how much a form of the dashboard may send: config vars are the largest.
const maxEntry = 2 * cloister.MaxConfig

// A visit is somebody who has signed in, at a page of the dashboard.
type visit struct {
	*http.Request
	rw    http.ResponseWriter
	actor cloister.Actor
}

// A view makes a page for a visitor. A page may be looked at again and again, as long as it is open in a browser.
type view func(*visit) (page, error)

// A deed does what a form asks for, and tells where to go then.
type deed func(*visit) (to string, err error)

// A door is a page (does is nil) or a form's address; what a form asked for in vain is told on the page that shows makes.
type door struct {
	path  string
	shows view
	does  deed
}

func (d door) pattern() string {
	if d.does == nil {
		return "GET " + d.path
	}
	return "POST " + d.path
}

// doors are all the ways into the dashboard.
func (w *Web) doors() []door {
	const team, space, app = home + "/teams/{team}", home + "/spaces/{space}", home + "/apps/{app}"
	return []door{
		{home, w.startPage, nil},
		{team, w.teamPage, nil},
		{team + "/spaces", w.teamSpacesPage, nil},
		{team + "/spaces/new", w.newSpacePage, nil},
		{team + "/spaces/new", w.newSpacePage, w.createSpace},
		{team + "/access", w.teamAccessPage, nil},
		{team + "/access", w.teamAccessPage, w.addMember},
		{team + "/access/{user}", w.teamAccessPage, w.setMember},
		{team + "/access/{user}/remove", w.teamAccessPage, w.removeMember},
		{space, w.spacePage, nil},
		{space + "/network", w.networkPage, nil},
		{space + "/network/trusted", w.networkPage, w.trust},
		{space + "/network/trusted/remove", w.networkPage, w.distrust},
		{space + "/network/trusted/label", w.networkPage, w.label},
		{space + "/network/peerings", w.networkPage, w.requestPeering},
		{space + "/network/peerings/{peering}/accept", w.networkPage, w.acceptPeering},
		{space + "/network/peerings/{peering}/remove", w.networkPage, w.removePeering},
		{space + "/access", w.spaceAccessPage, nil},
		{space + "/access/{user}", w.spaceAccessPage, w.setSpaceMember},
		{space + "/settings", w.spaceSettingsPage, nil},
		{space + "/settings/rename", w.spaceSettingsPage, w.renameSpace},
		{space + "/settings/transfer", w.spaceSettingsPage, w.transferSpace},
		{space + "/settings/destroy", w.spaceSettingsPage, w.destroySpace},
		{space + "/apps/new", w.newAppPage, nil},
		{space + "/apps/new", w.newAppPage, w.createApp},
		{app, w.appPage, nil},
		{app + "/resources", w.resourcesPage, nil},
		{app + "/resources/{type}", w.resourcesPage, w.scale},
		{app + "/restart", w.resourcesPage, w.restart},
		{app + "/deploy", w.deployPage, nil},
		{app + "/deploy/builds/{build}", w.buildPage, nil},
		{app + "/deploy/rollback", w.deployPage, w.rollback},
		{app + "/activity", w.activityPage, nil},
		{app + "/logs", w.logsPage, nil},
		{app + "/access", w.appAccessPage, nil},
		{app + "/access", w.appAccessPage, w.addCollaborator},
		{app + "/access/{user}", w.appAccessPage, w.setCollaborator},
		{app + "/access/{user}/remove", w.appAccessPage, w.removeCollaborator},
		{app + "/settings", w.appSettingsPage, nil},
		{app + "/settings/config", w.appSettingsPage, w.setConfig},
		{app + "/settings/config/remove", w.appSettingsPage, w.unsetConfig},
		{app + "/settings/domains", w.appSettingsPage, w.addDomain},
		{app + "/settings/domains/remove", w.appSettingsPage, w.removeDomain},
		{app + "/settings/maintenance", w.appSettingsPage, w.setMaintenance},
		{app + "/settings/rename", w.appSettingsPage, w.renameApp},
		{app + "/settings/destroy", w.appSettingsPage, w.destroyApp},
	}
}

// open serves a door.
func (w *Web) open(d door) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		guardPage(rw)
		v := &visit{Request: r, rw: rw}
		if d.does == nil && v.follows() {
			w.follow(v, d.shows)
			return
		}
		var ok bool
		if v.actor, ok = w.known(rw, r); !ok {
			return
		}
		if d.does != nil {
			w.do(v, d)
			return
		}
		p, err := d.shows(v)
		w.display(v, http.StatusOK, p, err)
	}
}

// guardPage lets a page of the dashboard load what it is made of, from here alone.
func guardPage(rw http.ResponseWriter) {
	rw.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
}

// do has a form's wish carried out, and shows its page again, with what was typed, when it is refused.
func (w *Web) do(v *visit, d door) {
	v.Body = http.MaxBytesReader(v.rw, v.Body, maxEntry)
	if err := v.ParseForm(); err != nil {
		w.fail(v, cloister.Errorf(cloister.BadRequest, "This form cannot be read, or is too long."))
		return
	}
	to, err := d.does(v)
	if err == nil {
		http.Redirect(v.rw, v.Request, to, http.StatusSeeOther)
		return
	}
	if cloister.KindOf(err) == cloister.Internal {
		w.fail(v, err)
		return
	}
	p, missing := d.shows(v)
	p.entry = entry{Form: v.PostFormValue("form"), typed: v.PostForm, Message: cloister.MessageOf(err)}
	if m := (*misfit)(nil); errors.As(err, &m) {
		p.entry.field = m.field
	}
	w.display(v, status(err), p, missing)
}

// display writes a page, or why there is none.
func (w *Web) display(v *visit, status int, p page, err error) {
	if err == nil {
		err = w.dress(v, &p)
	}
	if err != nil {
		w.fail(v, err)
		return
	}
	w.show(v.rw, status, p.template, p)
}

// fail shows an error. What does not exist and what the visitor may not see look the same.
func (w *Web) fail(v *visit, err error) {
	s := status(err)
	p := page{template: "failed.html", Title: "That did not work", Data: cloister.MessageOf(err)}
	if s == http.StatusNotFound {
		p = page{template: "missing.html", Title: "Nothing to see here"}
	}
	if s == http.StatusInternalServerError {
		w.log.Error("a page failed", "path", v.URL.Path, "err", err)
	}
	if w.dress(v, &p) != nil { // not even that
		w.problem(v.rw, err)
		return
	}
	w.show(v.rw, s, p.template, p)
}

// nowhere is every path below home that is no page.
func (w *Web) nowhere(rw http.ResponseWriter, r *http.Request) {
	guardPage(rw)
	if a, ok := w.known(rw, r); ok {
		w.fail(&visit{Request: r, rw: rw, actor: a}, cloister.Missing("page"))
	}
}

// A misfit is an error of what was typed into one field of a form.
type misfit struct {
	field string
	error
}

func (m *misfit) Unwrap() error { return m.error }

// in says which field a mistake is in. What is no mistake of the one who typed is the form's as a whole.
func in(field string, err error) error {
	switch cloister.KindOf(err) {
	case cloister.Invalid, cloister.NotFound, cloister.Confirm:
		return &misfit{field, err}
	}
	return err
}

// at is a path of the dashboard: parts are escaped, and said names what is told there (see saying in page.go).
func at(said string, parts ...string) string {
	path := home
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	if said != "" {
		path += "?done=" + said
	}
	return path
}
