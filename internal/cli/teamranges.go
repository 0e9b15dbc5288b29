package cli

import (
	"context"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type teamRanges struct{ teamFlag }

// Run lists the ranges that a team is used from.
func (c *teamRanges) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	t, err := h.Team(ctx, team)
	if err != nil {
		return err
	}
	if len(t.TrustedRanges) == 0 {
		s.Term.Line("The team %s is used from everywhere.", t.Name)
		return nil
	}
	for _, r := range t.TrustedRanges {
		s.Term.Line("%s", r)
	}
	return nil
}

type teamRangesSet struct {
	teamFlag
	Ranges []string `arg:"" name:"range" help:"Ranges such as 192.0.2.0/24."`
}

// Run says from which ranges, and nowhere else, a team is used: by the API, git, terminals and pages.
func (c *teamRangesSet) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	return s.during("Letting the people of "+team+" in from "+strings.Join(c.Ranges, ", "), func() (string, error) {
		_, err := h.SetTeamRanges(ctx, team, c.Ranges)
		return "", err
	})
}

type teamRangesClear struct {
	teamFlag
	Operator bool `help:"As an operator, for a team that has locked itself out."`
}

// Run lets a team be used from everywhere.
func (c *teamRangesClear) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	clear := func() (heroku.Team, error) { return h.SetTeamRanges(ctx, team, []string{}) }
	if c.Operator {
		clear = func() (heroku.Team, error) { return h.ClearTeamRanges(ctx, team) }
	}
	return s.during("Letting the people of "+team+" in from everywhere", func() (string, error) {
		_, err := clear()
		return "", err
	})
}
