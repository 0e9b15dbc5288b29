package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type stacks struct {
	appFlag
	JSON bool `short:"j" help:"Print JSON."`
}

// Run lists the stacks, and marks that of the app if there is one.
func (c *stacks) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	ss, err := h.Stacks(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Stack](ss))
	}
	slices.SortFunc(ss, func(a, b heroku.Stack) int { return cmp.Compare(a.Name, b.Name) })
	name, err := c.app(ctx, s)
	if err != nil { // outside any app the stacks are of interest too
		s.Term.Header("Available Stacks")
		for _, st := range ss {
			mark := ""
			if st.Default {
				mark = " (default)"
			}
			s.Term.Line("  %s%s", st.Name, mark)
		}
		return nil
	}
	app, err := h.App(ctx, name)
	if err != nil {
		return err
	}
	s.Term.Header("%s Available Stacks", app.Name)
	for _, st := range ss {
		switch st.Name {
		case app.Stack.Name:
			s.Term.Line("%s", s.Term.Green("* "+st.Name))
		case app.BuildStack.Name:
			s.Term.Line("  %s (active on next deploy)", st.Name)
		default:
			s.Term.Line("  %s", st.Name)
		}
	}
	return nil
}

type stackSet struct {
	appFlag
	Stack string `arg:"" help:"The stack."`
}

// Run sets the stack of the builds to come.
func (c *stackSet) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	var app heroku.App
	err = s.during("Setting stack to "+c.Stack, func() (_ string, err error) {
		app, err = h.UpdateApp(ctx, name, heroku.AppUpdateOpts{BuildStack: heroku.Pointer(heroku.Ref(c.Stack))})
		return "", err
	})
	if err == nil && app.Stack.Name != app.BuildStack.Name {
		s.Term.Line("You will need to redeploy %s for the change to take effect.\nRun git push heroku main to trigger a new build on %s.", app.Name, app.Name)
	}
	return err
}

type regions struct {
	Private bool `help:"Only regions for spaces."`
	Common  bool `help:"Only regions for apps outside spaces."`
	JSON    bool `help:"Print JSON."`
}

// Run lists the regions by name.
func (c *regions) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	rs, err := h.Regions(ctx)
	if err != nil {
		return err
	}
	rs = slices.DeleteFunc(rs, func(r heroku.Region) bool { return c.Private && !r.PrivateCapable || c.Common && r.PrivateCapable })
	slices.SortFunc(rs, func(a, b heroku.Region) int { return cmp.Compare(a.Name, b.Name) })
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Region](rs))
	}
	var rows [][]string
	for _, r := range rs {
		runtime := "Common Runtime"
		if r.PrivateCapable {
			runtime = "Private Spaces"
		}
		rows = append(rows, []string{s.Term.Cyan(r.Name), r.Description, runtime})
	}
	s.Term.Table([]string{"ID", "Location", "Runtime"}, rows)
	return nil
}
