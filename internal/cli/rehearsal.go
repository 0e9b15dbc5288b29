package cli

import (
	"context"
	"slices"
	"strconv"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type trustedIPDryRun struct {
	spaceFlag
	Add    []string `placeholder:"RANGE" help:"As if this range were added."`
	Remove []string `placeholder:"RANGE" help:"As if this range were removed."`
	Set    []string `placeholder:"RANGE" help:"As if these ranges were all."`
	JSON   bool     `help:"Print JSON."`
}

// Run tells which recent clients a change of the trusted ranges would cut off, and changes nothing.
func (c *trustedIPDryRun) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	rules, err := c.rules(ctx, h, name)
	if err != nil {
		return err
	}
	r, err := h.RehearseRuleset(ctx, name, heroku.RulesetUpdateOpts{Rules: rules})
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(r)
	case r.Message != "":
		s.Term.Warn("%s", r.Message)
		return nil
	case len(r.Cut) == 0 && r.Kept == 0:
		s.Term.Line("Nobody came to the apps of %s of late.", name)
		return nil
	case len(r.Cut) == 0:
		s.Term.Line("Nobody would be cut off: all %d clients since %s would stay.", r.Kept, r.Since.Text())
		return nil
	}
	s.Term.Header("Clients of %s that would be cut off", name)
	var rows [][]string
	for _, x := range r.Cut {
		rows = append(rows, []string{x.Address, strconv.FormatInt(x.Requests, 10), x.First.Text(), x.Last.Text(), strconv.Itoa(x.Open)})
	}
	s.Term.Table([]string{"Address", "Requests", "First Seen", "Last Seen", "Open Connections"}, rows)
	s.Term.Line("%d of %d clients since %s would be cut off. Nothing was changed.", len(r.Cut), len(r.Cut)+r.Kept, r.Since.Text())
	return nil
}

// rules are those of the space after the change.
func (c *trustedIPDryRun) rules(ctx context.Context, h *heroku.Client, name string) ([]heroku.Rule, error) {
	var rules []heroku.Rule
	add := append(slices.Clone(c.Set), c.Add...)
	if c.Set == nil {
		if len(c.Add)+len(c.Remove) == 0 {
			return nil, complain("Say what would change, with --add, --remove or --set.\nSee more help with --help")
		}
		r, err := h.Ruleset(ctx, name)
		if err != nil {
			return nil, err
		}
		rules = r.Rules
	}
	for _, source := range add {
		if !hasSource(rules, source) {
			rules = append(rules, heroku.Rule{Action: "allow", Source: source})
		}
	}
	for _, source := range c.Remove {
		if !hasSource(rules, source) {
			return nil, complain("No IP range matching %s was found.", source)
		}
		rules = slices.DeleteFunc(slices.Clone(rules), func(r heroku.Rule) bool { return r.Source == source })
	}
	return rules, nil
}

func hasSource(rules []heroku.Rule, source string) bool {
	return slices.ContainsFunc(rules, func(r heroku.Rule) bool { return r.Source == source })
}
