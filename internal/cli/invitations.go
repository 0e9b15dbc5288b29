package cli

import (
	"context"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type memberInvite memberAdd

// Run invites somebody, who may have no account yet, and prints the address of the page on which they accept.
func (c *memberInvite) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	var i heroku.TeamInvitation
	err = s.during("Inviting "+c.Email+" to "+team+" as "+c.Role, func() (_ string, err error) {
		i, err = h.Invite(ctx, team, heroku.TeamMemberOpts{Email: c.Email, Role: c.Role})
		return "", err
	})
	if err != nil {
		return err
	}
	s.Term.Line("%s", i.AcceptURL)
	s.Term.Note("Give this address to %s alone: it is shown once, and is good until %s.", c.Email, i.ExpiresAt.Text())
	return nil
}

type memberInvitations struct {
	teamFlag
	JSON bool `help:"Print JSON."`
}

// Run lists who is invited.
func (c *memberInvitations) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	all, err := h.Invitations(ctx, team)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.TeamInvitation](all))
	}
	if len(all) == 0 {
		s.Term.Line("Nobody is invited to %s.", team)
		return nil
	}
	var rows [][]string
	for _, i := range all {
		rows = append(rows, []string{i.User.Email, i.Role, i.InvitedBy.Email, i.ExpiresAt.Text()})
	}
	s.Term.Table([]string{"Email", "Role", "Invited By", "Until"}, rows)
	return nil
}

type memberUninvite struct {
	teamFlag
	Email string `arg:"" help:"The e-mail address of whoever was invited."`
}

// Run takes an invitation back.
func (c *memberUninvite) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	return s.during("Taking back the invitation of "+c.Email+" to "+team, func() (string, error) {
		return "", h.Uninvite(ctx, team, c.Email)
	})
}
