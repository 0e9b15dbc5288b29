package web

import (
	"maps"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// A settingsView is what the settings page of an app shows.
type settingsView struct {
	appView
	Config  []configVar
	Domains []platform.DomainInfo
	All     bool // config vars are shown
}

// A configVar has its value only if it was asked for.
type configVar struct {
	Name, Value string
	Shown       bool
}

// all asks for every config var.
const all = "*"

func (w *Web) appSettingsPage(v *visit) (page, error) {
	p, a, err := w.ofApp(v, "app-settings.html")
	if err != nil {
		return p, err
	}
	s := settingsView{appView: a}
	if s.Config, err = w.configVars(v, a); err != nil {
		return p, err
	}
	s.All = v.URL.Query().Get("reveal") == all
	_, s.Domains, err = w.platform.Domains(v.Context(), v.actor, a.ID)
	p.Data = s
	return p, err
}

// configVars are an app's config vars, with the values of those that were asked for, as long as the visitor may read them.
func (w *Web) configVars(v *visit, a appView) (out []configVar, err error) {
	if !a.May.Read {
		return nil, nil
	}
	vars, err := w.platform.Config(v.Context(), v.actor, a.ID)
	reveal := v.URL.Query().Get("reveal")
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		c := configVar{Name: name, Shown: reveal == all || reveal == name}
		if c.Shown {
			c.Value = vars[name].Reveal()
		}
		out = append(out, c)
	}
	return out, err
}

func (w *Web) setConfig(v *visit) (string, error) {
	app, name := v.PathValue("app"), strings.TrimSpace(v.PostFormValue("name"))
	if err := cloister.ValidConfig(map[string]cloister.Secret{name: ""}); err != nil {
		return "", in("name", err)
	}
	value := cloister.Secret(strings.ReplaceAll(v.PostFormValue("value"), "\r\n", "\n")) // as browsers send the end of a line
	_, err := w.platform.SetConfig(v.Context(), v.actor, app, map[string]*cloister.Secret{name: &value})
	return at("saved", "apps", app, "settings"), in("value", err)
}

func (w *Web) unsetConfig(v *visit) (string, error) {
	app := v.PathValue("app")
	_, err := w.platform.SetConfig(v.Context(), v.actor, app, map[string]*cloister.Secret{v.PostFormValue("name"): nil})
	return at("removed", "apps", app, "settings"), err
}

func (w *Web) addDomain(v *visit) (string, error) {
	app := v.PathValue("app")
	_, _, err := w.platform.AddDomain(v.Context(), v.actor, app, strings.TrimSpace(v.PostFormValue("hostname")), "")
	return at("added", "apps", app, "settings"), in("hostname", err)
}

func (w *Web) removeDomain(v *visit) (string, error) {
	app := v.PathValue("app")
	_, _, err := w.platform.RemoveDomain(v.Context(), v.actor, app, v.PostFormValue("hostname"))
	return at("removed", "apps", app, "settings"), err
}

func (w *Web) setMaintenance(v *visit) (string, error) {
	on := v.PostFormValue("on") == "true"
	app, err := w.platform.UpdateApp(v.Context(), v.actor, v.PathValue("app"), platform.AppChange{Maintenance: &on})
	return at("saved", "apps", app.Name, "settings"), err
}

func (w *Web) renameApp(v *visit) (string, error) {
	name := strings.TrimSpace(v.PostFormValue("name"))
	app, err := w.platform.UpdateApp(v.Context(), v.actor, v.PathValue("app"), platform.AppChange{Name: &name})
	return at("renamed", "apps", app.Name, "settings"), in("name", err)
}

func (w *Web) destroyApp(v *visit) (string, error) {
	app, err := w.platform.App(v.Context(), v.actor, v.PathValue("app"))
	if err == nil {
		err = confirmed(v, app.Name)
	}
	if err != nil {
		return "", err
	}
	_, err = w.platform.DestroyApp(v.Context(), v.actor, app.ID)
	return at("destroyed", "spaces", app.Space.Name), err
}
