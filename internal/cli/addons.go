package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type addonsList struct {
	appFlag
	All  bool `short:"A" help:"The add-ons of all apps."`
	JSON bool `help:"Print JSON."`
}

// An attachedAddon is an add-on with its attachments, as far as they are asked for.
type attachedAddon struct {
	heroku.Addon
	Attachments heroku.List[heroku.Attachment] `json:"attachments"`
}

// Run lists the add-ons of an app with where they are attached, or those of all apps.
func (c *addonsList) Run(ctx context.Context, s *Session) error {
	app, err := c.perhaps(ctx, s)
	if err != nil {
		return err
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	if c.All || app == "" {
		return c.listAll(ctx, s, h)
	}
	of, err := h.AppAddons(ctx, app)
	if err != nil {
		return err
	}
	attached, err := h.AllAttachments(ctx) // those to other apps are shown too
	if err != nil {
		return err
	}
	var addons []attachedAddon
	for _, a := range of {
		x := attachedAddon{Addon: a}
		for _, t := range attached {
			if t.Addon.ID == a.ID {
				x.Attachments = append(x.Attachments, t)
			}
		}
		addons = append(addons, x)
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[attachedAddon](addons))
	}
	if len(addons) == 0 {
		s.Term.Line("No add-ons for app %s.", app)
		return nil
	}
	s.Term.Table([]string{"Add-on", "Plan", "Price", "Max Price", "State"}, addonRows(addons, app))
	s.Term.Line("The table above shows add-ons and the attachments to the current app (%s) or other apps.", app)
	return nil
}

// addonRows are the lines of a table of an app's add-ons: each add-on, and below it where it is attached. Those that other apps
// pay for come last.
func addonRows(addons []attachedAddon, app string) (rows [][]string) {
	foreign := func(of heroku.Named) int {
		if of.Name == app || of.ID == app {
			return 0
		}
		return 1
	}
	slices.SortFunc(addons, func(a, b attachedAddon) int {
		return cmp.Or(cmp.Compare(foreign(a.App), foreign(b.App)), cmp.Compare(a.Plan.Name, b.Plan.Name), cmp.Compare(a.Name, b.Name))
	})
	for _, a := range addons {
		hourly, most := price(billed(a.Addon), true), price(billed(a.Addon), false)
		if foreign(a.App) > 0 {
			hourly = "(billed to " + a.App.Name + " app)"
			most = hourly
		}
		rows = append(rows, []string{a.AddonService.Name + " (" + a.Name + ")", planName(a.Plan), hourly, most, addonState(a.State)})
		slices.SortFunc(a.Attachments, func(a, b heroku.Attachment) int {
			return cmp.Or(cmp.Compare(foreign(a.App), foreign(b.App)), cmp.Compare(a.App.Name, b.App.Name), cmp.Compare(a.Name, b.Name))
		})
		for i, t := range a.Attachments {
			line := " ├─ as "
			if i == len(a.Attachments)-1 {
				line = " └─ as "
			}
			line += t.Name
			if foreign(t.App) > 0 {
				line += " on " + t.App.Name + " app"
			}
			rows = append(rows, []string{line, "", "", "", ""})
		}
	}
	return rows
}

func (c *addonsList) listAll(ctx context.Context, s *Session, h *heroku.Client) error {
	all, err := h.Addons(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Addon](all))
	}
	if len(all) == 0 {
		s.Term.Line("No add-ons.")
		return nil
	}
	slices.SortFunc(all, func(a, b heroku.Addon) int {
		return cmp.Or(cmp.Compare(a.App.Name, b.App.Name), cmp.Compare(a.Plan.Name, b.Plan.Name), cmp.Compare(a.Name, b.Name))
	})
	var rows [][]string
	for _, a := range all {
		rows = append(rows, []string{a.App.Name, a.Name, a.Plan.Name, price(billed(a), true), price(billed(a), false), addonState(a.State)})
	}
	s.Term.Table([]string{"Owning App", "Add-on", "Plan", "Price", "Max Price", "State"}, rows)
	return nil
}

// An addonFlag names an add-on, and where to look for it first.
type addonFlag struct {
	appFlag
	Addon string `arg:"" help:"The add-on; with an app also the name of an attachment or a service there, or APP::ATTACHMENT."`
}

// find is the server and the add-on that is meant.
func (f addonFlag) find(ctx context.Context, s *Session) (*heroku.Client, heroku.Addon, error) {
	app, err := f.perhaps(ctx, s)
	if err != nil {
		return nil, heroku.Addon{}, err
	}
	h, err := s.Client()
	if err != nil {
		return nil, heroku.Addon{}, err
	}
	a, err := findAddon(ctx, h, app, f.Addon)
	return h, a, err
}

// findAddon finds the one add-on that somebody means.
func findAddon(ctx context.Context, h *heroku.Client, app, ref string) (heroku.Addon, error) {
	found, err := h.ResolveAddons(ctx, heroku.AddonResolveOpts{Addon: heroku.Ref(ref), App: heroku.Ref(app)})
	switch {
	case err != nil:
		return heroku.Addon{}, err
	case len(found) == 0:
		return heroku.Addon{}, complain("Couldn't find that addon.")
	case len(found) == 1:
		return found[0], nil
	}
	var names []string
	for _, a := range found {
		names = append(names, a.Name)
	}
	return heroku.Addon{}, complain("Ambiguous identifier; multiple matching add-ons found: %s.", strings.Join(names, ", "))
}

type addonInfo struct {
	addonFlag
	JSON bool `help:"Print JSON."`
}

// Run shows an add-on, and where it is attached.
func (c *addonInfo) Run(ctx context.Context, s *Session) error {
	h, a, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	attached, err := h.AddonAttachments(ctx, a.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(attachedAddon{a, attached})
	}
	var at []string
	for _, t := range attached {
		at = append(at, t.App.Name+"::"+t.Name)
	}
	slices.Sort(at)
	s.Term.Header("%s", a.Name)
	s.Term.Object(term.F("Plan", a.Plan.Name), term.F("Price", price(billed(a), true)), term.F("Max Price", price(billed(a), false)), term.F("Attachments", at...),
		term.F("Owning app", a.App.Name), term.F("Installed at", a.CreatedAt.Text()), term.F("State", addonState(a.State)))
	return nil
}
