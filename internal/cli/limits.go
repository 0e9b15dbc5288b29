package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type limits struct {
	spaceFlag
	JSON bool `help:"Print JSON."`
}

// Run lists the limits of a space, and how much of each is used.
func (c *limits) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	all, err := h.Limits(ctx, name)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Limit](all))
	}
	s.Term.Header("Limits of %s", name)
	var rows [][]string
	for _, l := range all {
		value := strconv.Itoa(int(l.Value))
		if l.Value != l.Default {
			value += " (default " + strconv.Itoa(int(l.Default)) + ")"
		}
		rows = append(rows, []string{s.Term.Cyan(l.Name), strconv.Itoa(int(l.Use)), value, l.Description})
	}
	s.Term.Table([]string{"Limit", "Use", "Value", "Counts"}, rows)
	return nil
}

type limitsSet struct {
	Space  string   `short:"s" required:"" placeholder:"NAME" help:"The space."`
	Limits []string `arg:"" placeholder:"NAME=N" help:"Limits and what they are to be."`
}

// Run sets limits of a space.
func (c *limitsSet) Run(ctx context.Context, s *Session) error {
	change := map[string]*heroku.Int{}
	for _, arg := range c.Limits {
		name, value, _ := strings.Cut(arg, "=")
		n, err := strconv.Atoi(value)
		if err != nil {
			return complain("%s is no limit with a number. Write NAME=N, such as apps=30", arg)
		}
		change[name] = heroku.Pointer(heroku.Int(n))
	}
	return s.setLimits(ctx, c.Space, "Setting "+strings.Join(c.Limits, ", "), change)
}

type limitsUnset struct {
	Space  string   `short:"s" required:"" placeholder:"NAME" help:"The space."`
	Limits []string `arg:"" help:"Limits that get their default again."`
}

// Run gives limits of a space their defaults again.
func (c *limitsUnset) Run(ctx context.Context, s *Session) error {
	change := map[string]*heroku.Int{}
	for _, name := range c.Limits {
		change[name] = nil
	}
	return s.setLimits(ctx, c.Space, "Unsetting "+strings.Join(c.Limits, ", "), change)
}

// setLimits tells which limits are below what is used already: nothing is taken away, and nothing more is added.
func (s *Session) setLimits(ctx context.Context, space, what string, change map[string]*heroku.Int) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	var all []heroku.Limit
	if err := s.during(what+" for "+space, func() (_ string, err error) {
		all, err = h.SetLimits(ctx, space, change)
		return "", err
	}); err != nil {
		return err
	}
	for _, l := range all {
		if _, changed := change[l.Name]; changed && l.Use > l.Value {
			s.Term.Warn("There are %d %s, above the limit of %d: they stay, and no more are added.", int(l.Use), l.Description, int(l.Value))
		}
	}
	return nil
}
