package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type ps struct {
	appFlag
	Types []string `arg:"" optional:"" name:"type" help:"Only the dynos of these process types."`
	JSON  bool     `help:"Print JSON."`
}

// Run lists the dynos of an app, below what they run.
func (c *ps) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	dynos, err := h.Dynos(ctx, name)
	if err != nil {
		return err
	}
	if len(c.Types) > 0 {
		dynos = slices.DeleteFunc(dynos, func(d heroku.Dyno) bool { return !slices.Contains(c.Types, d.Type) })
		for _, t := range c.Types {
			if !slices.ContainsFunc(dynos, func(d heroku.Dyno) bool { return d.Type == t }) {
				return complain("No %s dynos on %s", t, name)
			}
		}
	}
	slices.SortFunc(dynos, byName)
	switch {
	case c.JSON:
		return s.Term.JSON(heroku.List[heroku.Dyno](dynos))
	case len(dynos) == 0:
		s.Term.Line("No dynos on %s", name)
	default:
		s.showDynos("", dynos)
	}
	return nil
}

type spacesPS struct {
	spaceFlag
	JSON bool `help:"Print JSON."`
}

// Run lists the dynos of a space, app by app.
func (c *spacesPS) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	apps, err := h.SpaceDynos(ctx, name)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.SpaceDynos](apps))
	}
	slices.SortFunc(apps, func(a, b heroku.SpaceDynos) int { return cmp.Compare(a.AppName, b.AppName) })
	none := true
	for _, a := range apps {
		none = none && len(a.Dynos) == 0
		slices.SortFunc(a.Dynos, byName)
		s.showDynos(a.AppName+" ", a.Dynos)
	}
	if none {
		s.Term.Line("No dynos in space %s", name)
	}
	return nil
}

// showDynos prints dynos in their order, below a heading for each command; one-off dynos come first.
func (s *Session) showDynos(prefix string, dynos []heroku.Dyno) {
	var oneOffs, rest []heroku.Dyno
	for _, d := range dynos {
		if d.Type == "run" {
			oneOffs = append(oneOffs, d)
		} else {
			rest = append(rest, d)
		}
	}
	if len(oneOffs) > 0 {
		s.Term.Header("%srun: one-off processes (%d)", prefix, len(oneOffs))
		for _, d := range oneOffs {
			s.Term.Line("%s (%s): %s %s: %s", d.Name, d.Size, s.Term.State(d.State), s.Term.Gray(s.ago(d.UpdatedAt.Time)), d.Command)
		}
		s.Term.Line("")
	}
	for len(rest) > 0 {
		head := rest[0]
		same := func(d heroku.Dyno) bool {
			return d.Type == head.Type && d.Command == head.Command && d.Size == head.Size
		}
		n := 0
		for _, d := range rest {
			if same(d) {
				n++
			}
		}
		s.Term.Header("%s%s (%s): %s (%d)", prefix, head.Type, head.Size, head.Command, n)
		for _, d := range rest {
			if same(d) {
				s.Term.Line("%s: %s %s", d.Name, s.Term.State(d.State), s.Term.Gray(s.ago(d.UpdatedAt.Time)))
			}
		}
		s.Term.Line("")
		rest = slices.DeleteFunc(rest, same)
	}
}

// byName orders dynos by type, then by number.
func byName(a, b heroku.Dyno) int {
	number := func(d heroku.Dyno) int {
		_, n, _ := strings.Cut(d.Name, ".")
		i, _ := strconv.Atoi(n)
		return i
	}
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(number(a), number(b)), cmp.Compare(a.Name, b.Name))
}
