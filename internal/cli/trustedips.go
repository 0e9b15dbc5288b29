package cli

import (
	"context"
	"slices"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type trustedIPs struct {
	spaceFlag
	JSON bool `help:"Print JSON."`
}

// Run lists the trusted ranges of a space.
func (c *trustedIPs) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	r, err := h.Ruleset(ctx, name)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(r)
	case len(r.Rules) == 0:
		s.Term.Header("%s has no trusted IP ranges. All inbound web requests to dynos are blocked.", name)
	default:
		s.Term.Header("Trusted IP Ranges")
		for _, rule := range r.Rules {
			s.Term.Line("%s", rule.Source)
		}
	}
	s.warnPending(r.Applied)
	return nil
}

// warnPending says so when the newest rules are known not to be in force.
func (s *Session) warnPending(applied *bool) {
	if applied != nil && !*applied {
		s.Term.Warn("The newest change is not in force yet.")
	}
}

// saved tells that rules were changed, and whether the change is in force.
func (s *Session) saved(done string, applied *bool) {
	s.Term.Line("%s", done)
	if applied == nil || !*applied {
		s.Term.Warn("It may take a few moments for the changes to take effect.")
	}
}

type trustedIPAdd struct {
	Source  string `arg:"" help:"The range, in CIDR notation."`
	Space   string `short:"s" required:"" placeholder:"NAME" help:"The space."`
	Confirm string `hidden:""`
}

// Run adds a range to those of a space.
func (c *trustedIPAdd) Run(ctx context.Context, s *Session) error {
	return s.changeRules(ctx, c.Space, func(rules []heroku.Rule) ([]heroku.Rule, error) {
		if slices.ContainsFunc(rules, func(r heroku.Rule) bool { return r.Source == c.Source }) {
			return nil, complain("A rule already exists for %s.", c.Source)
		}
		return append(rules, heroku.Rule{Action: "allow", Source: c.Source}), nil
	}, "Added "+c.Source+" to trusted IP ranges on "+c.Space)
}

type trustedIPRemove struct {
	Source  string `arg:"" help:"The range, as 'cloister trusted-ips' shows it."`
	Space   string `short:"s" required:"" placeholder:"NAME" help:"The space."`
	Confirm string `hidden:""`
}

// Run removes a range from those of a space.
func (c *trustedIPRemove) Run(ctx context.Context, s *Session) error {
	return s.changeRules(ctx, c.Space, func(rules []heroku.Rule) ([]heroku.Rule, error) {
		if len(rules) == 0 {
			return nil, complain("No IP ranges are configured. Nothing to do.")
		}
		rest := slices.DeleteFunc(slices.Clone(rules), func(r heroku.Rule) bool { return r.Source == c.Source })
		if len(rest) == len(rules) {
			return nil, complain("No IP range matching %s was found.", c.Source)
		}
		return rest, nil
	}, "Removed "+c.Source+" from trusted IP ranges on "+c.Space)
}

// changeRules reads the rules of a space, changes them and writes them back, unless somebody else has changed them
// meanwhile: their change would be lost.
func (s *Session) changeRules(ctx context.Context, space string, change func([]heroku.Rule) ([]heroku.Rule, error), done string) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	r, tag, err := h.RulesetTagged(ctx, space)
	if err != nil {
		return err
	}
	rules, err := change(r.Rules)
	if err != nil {
		return err
	}
	r, err = h.SetRuleset(ctx, space, heroku.RulesetUpdateOpts{Rules: rules}, heroku.Header("If-Match", tag))
	if err != nil {
		return err
	}
	s.saved(done, r.Applied)
	return nil
}
