package web

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// A networkView is what the network page of a space shows.
type networkView struct {
	spaceView
	Ruleset  cloister.Ruleset
	Labels   map[netip.Prefix]string
	Warning  string
	Limit    int
	Peerings []platform.PeeringInfo
	Names    []dynoName
	Internal netip.Addr
	Trial    *trial // nil: none was asked for
}

// A dynoName is a name inside a space.
type dynoName struct{ Name, For string }

// A trial is a dry run of trusted ranges.
type trial struct {
	With, Without string // the range that is added, or removed; "": none
	platform.Rehearsal
	Known bool
	Error string
}

func (w *Web) networkPage(v *visit) (page, error) {
	p, s, err := w.ofSpace(v, "space-network.html")
	if err != nil {
		return p, err
	}
	n := networkView{spaceView: s, Limit: cloister.LimitTrustedRanges.Most(), Internal: s.Internal()}
	if _, n.Ruleset, err = w.platform.Ruleset(v.Context(), v.actor, s.ID); err != nil {
		return p, err
	}
	if n.Labels, err = w.platform.TrustedLabels(v.Context(), v.actor, s.ID); err != nil {
		return p, err
	}
	if everyone, ok := cloister.Pointless(n.Ruleset.Sources); ok {
		n.Warning = everyone.String() + " lets everyone in, whatever stands beside it. Remove it for the others to count."
	}
	if _, n.Peerings, err = w.platform.Peerings(v.Context(), v.actor, s.ID); err != nil {
		return p, err
	}
	if _, n.Apps, err = w.appsIn(v, s.ID); err != nil {
		return p, err
	}
	for _, app := range n.Apps {
		n.Names = append(n.Names, dynoName{app.LocalName(), "all dynos of " + app.Name})
		for _, t := range app.Formation {
			n.Names = append(n.Names, dynoName{app.FormationName(t.Type), "its " + t.Type + " dynos"})
		}
	}
	q := v.URL.Query()
	if t := (trial{With: q.Get("source"), Without: q.Get("without")}); s.May.Manage && cmp.Or(t.With, t.Without) != "" {
		n.Trial = w.try(v, n.Ruleset, t)
	}
	p.Data, p.Live = n, "space-network.live"
	return p, nil
}

// try finds out whom other trusted ranges would cut off.
func (w *Web) try(v *visit, now cloister.Ruleset, t trial) *trial {
	sources := texts(now.Sources)
	if t.With != "" {
		sources = append(sources, strings.TrimSpace(t.With))
	}
	sources = slices.DeleteFunc(sources, func(s string) bool { return s == t.Without })
	var err error
	if t.Rehearsal, t.Known, err = w.platform.RehearseTrusted(v.Context(), v.actor, now.SpaceID, sources); err != nil {
		t.Error = cloister.MessageOf(err)
	}
	return &t
}

func texts(all []netip.Prefix) (out []string) {
	for _, p := range all {
		out = append(out, p.String())
	}
	return out
}

// retrust changes the trusted ranges of a space, unless they are others than those that the form was shown with.
func (w *Web) retrust(v *visit, change func(sources []string) []string) error {
	_, now, err := w.platform.Ruleset(v.Context(), v.actor, v.PathValue("space"))
	if err != nil {
		return err
	}
	seen := v.PostFormValue("version")
	_, _, err = w.platform.SetTrusted(v.Context(), v.actor, v.PathValue("space"), change(texts(now.Sources)),
		func(_ platform.SpaceInfo, r cloister.Ruleset) bool { return r.ID == seen && r.ID == now.ID })
	return in("source", err)
}

func (w *Web) trust(v *visit) (string, error) {
	source, label := strings.TrimSpace(v.PostFormValue("source")), v.PostFormValue("label")
	if _, err := cloister.ParseLabel(label); err != nil {
		return "", in("label", err)
	}
	err := w.retrust(v, func(sources []string) []string { return append(sources, source) })
	if err == nil && label != "" {
		err = w.platform.LabelTrusted(v.Context(), v.actor, v.PathValue("space"), source, label)
	}
	return at("added", "spaces", v.PathValue("space"), "network"), err
}

// label gives a trusted range another label.
func (w *Web) label(v *visit) (string, error) {
	err := w.platform.LabelTrusted(v.Context(), v.actor, v.PathValue("space"), v.PostFormValue("source"), v.PostFormValue("label"))
	return at("saved", "spaces", v.PathValue("space"), "network"), err
}

func (w *Web) distrust(v *visit) (string, error) {
	gone := v.PostFormValue("source")
	err := w.retrust(v, func(sources []string) []string {
		return slices.DeleteFunc(sources, func(s string) bool { return s == gone })
	})
	return at("removed", "spaces", v.PathValue("space"), "network"), err
}

func (w *Web) requestPeering(v *visit) (string, error) {
	_, err := w.platform.RequestPeering(v.Context(), v.actor, v.PathValue("space"), strings.TrimSpace(v.PostFormValue("peer")))
	return at("asked", "spaces", v.PathValue("space"), "network"), in("peer", err)
}

func (w *Web) acceptPeering(v *visit) (string, error) {
	_, err := w.platform.AcceptPeering(v.Context(), v.actor, v.PathValue("space"), v.PathValue("peering"))
	return at("accepted", "spaces", v.PathValue("space"), "network"), err
}

func (w *Web) removePeering(v *visit) (string, error) {
	_, err := w.platform.DestroyPeering(v.Context(), v.actor, v.PathValue("space"), v.PathValue("peering"))
	return at("removed", "spaces", v.PathValue("space"), "network"), err
}
