package web

import (
	"net/http"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (w *Web) newSpacePage(v *visit) (page, error) {
	p, t, err := w.ofTeam(v, "space-new.html")
	p.Title = "New space"
	p.Data = struct {
		teamView
		Regions        []cloister.Region
		Default        string
		CIDR, DataCIDR string
	}{t, w.platform.Regions(), cloister.DefaultRegion, cloister.DefaultCIDR.String(), cloister.DefaultDataCIDR.String()}
	return p, err
}

// A spaceEntry is what is typed for a new space.
type spaceEntry struct{ name, cidr, data string }

// wrong is what is wrong with the first field that something is wrong with, by the rules that need nothing but the field.
func (e spaceEntry) wrong() error {
	if err := cloister.ValidSpaceName(e.name); err != nil {
		return in("name", err)
	}
	cidr, err := cloister.ParseCIDR(e.cidr)
	if err != nil {
		return in("cidr", err)
	}
	_, err = cloister.ParseDataCIDR(e.data, cidr)
	return in("data_cidr", err)
}

func (w *Web) createSpace(v *visit) (string, error) {
	e := spaceEntry{v.PostFormValue("name"), v.PostFormValue("cidr"), v.PostFormValue("data_cidr")}
	if err := e.wrong(); err != nil {
		return "", err
	}
	s, err := w.platform.CreateSpace(v.Context(), v.actor, platform.SpaceSpec{Name: e.name, Team: v.PathValue("team"),
		Region: v.PostFormValue("region"), CIDR: e.cidr, DataCIDR: e.data})
	return at("created", "spaces", s.Name), in("name", err)
}

// checkSpace says for each field that was filled in what is wrong with it, "" if nothing is: as JSON, for those who still type.
func (w *Web) checkSpace(rw http.ResponseWriter, r *http.Request) {
	if _, _, err := w.visitor(r); err != nil {
		reply(rw, status(err), map[string]string{})
		return
	}
	q := r.URL.Query()
	out := map[string]string{"name": "", "cidr": "", "data_cidr": ""}
	note := func(field string, err error) {
		if err != nil && q.Get(field) != "" {
			out[field] = cloister.MessageOf(err)
		}
	}
	note("name", cloister.ValidSpaceName(q.Get("name")))
	cidr, err := cloister.ParseCIDR(q.Get("cidr"))
	note("cidr", err)
	if err == nil {
		_, err = cloister.ParseDataCIDR(q.Get("data_cidr"), cidr)
		note("data_cidr", err)
	}
	reply(rw, http.StatusOK, out)
}
