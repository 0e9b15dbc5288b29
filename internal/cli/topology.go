package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type spacesTopology struct {
	spaceFlag
	JSON bool `help:"Print JSON."`
}

// Run shows where the dynos of a space are.
func (c *spacesTopology) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	t, err := h.Topology(ctx, name)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(t)
	}
	for _, ta := range t.Apps {
		app, err := h.App(ctx, ta.ID)
		if err != nil {
			return err
		}
		types, dynos := processes(ta)
		heading := app.Name
		if len(types) > 0 {
			heading += " (" + strings.Join(types, ", ") + ")"
		}
		s.Term.Header("%s", heading)
		s.Term.Object(term.F("Domains", slices.Sorted(slices.Values(ta.Domains))...), term.F("Dynos", dynos...))
		s.Term.Line("")
	}
	return nil
}

// processes are the process types of an app, and a line for each dyno, in the order of their numbers.
func processes(ta heroku.TopologyApp) (types, dynos []string) {
	ps := ta.Formations
	if len(ps) == 0 {
		ps = ta.Formation
	}
	slices.SortFunc(ps, func(a, b heroku.TopologyProcess) int { return cmp.Compare(a.ProcessType, b.ProcessType) })
	for _, p := range ps {
		types = append(types, p.ProcessType)
		slices.SortFunc(p.Dynos, func(a, b heroku.TopologyDyno) int { return cmp.Compare(a.Number, b.Number) })
		for _, d := range p.Dynos {
			line := fmt.Sprintf("%s.%d", p.ProcessType, d.Number)
			for _, more := range []string{d.PrivateIP, d.Hostname} {
				if more != "" {
					line += " - " + more
				}
			}
			dynos = append(dynos, line)
		}
	}
	return types, dynos
}
