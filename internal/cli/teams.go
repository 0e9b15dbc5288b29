package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type teams struct {
	JSON bool `help:"Print JSON."`
}

// Run lists teams by name, with the caller's role in each.
func (c *teams) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	ts, err := h.Teams(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Team](ts))
	}
	slices.SortFunc(ts, func(a, b heroku.Team) int { return cmp.Compare(a.Name, b.Name) })
	var rows [][]string
	for _, t := range ts {
		rows = append(rows, []string{t.Name, text(t.Role)})
	}
	s.Term.Table([]string{"Team", "Role"}, rows)
	return nil
}

type teamCreate struct {
	Name string `arg:"" name:"team" help:"The team's name."`
}

// Run makes a team.
func (c *teamCreate) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Creating team "+c.Name, func() (string, error) {
		_, err := h.CreateTeam(ctx, heroku.TeamCreateOpts{Name: c.Name})
		return "", err
	})
}

type teamRename struct {
	teamFlag
	NewName string `arg:"" help:"The name it gets."`
}

// Run renames a team.
func (c *teamRename) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	return s.during("Renaming team "+team+" to "+c.NewName, func() (string, error) {
		_, err := h.UpdateTeam(ctx, team, heroku.TeamUpdateOpts{Name: &c.NewName})
		return "", err
	})
}

type teamDestroy struct {
	teamFlag
	Confirm string `short:"c" placeholder:"NAME" help:"The team's name, instead of the question."`
}

// Run destroys a team that has no spaces.
func (c *teamDestroy) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, team, c.Confirm, "This will delete the team "+team+". Its members stay users of this installation."); err != nil {
		return err
	}
	return s.during("Destroying team "+team, func() (string, error) {
		_, err := h.DeleteTeam(ctx, team)
		return "", err
	})
}

type teamSuspend struct {
	teamFlag
	Confirm string `short:"c" placeholder:"NAME" help:"The team's name, instead of the question."`
}

// Run holds a team as it is.
func (c *teamSuspend) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, team, c.Confirm, "Destructive Action\nThis command will hold the team "+team+": until `teams:restore` its people can look, and change nothing. What runs goes on."); err != nil {
		return err
	}
	return s.during("Suspending team "+team, func() (string, error) {
		_, err := h.SuspendTeam(ctx, team)
		return "", err
	})
}

type teamRestore struct{ teamFlag }

// Run lets a team go on.
func (c *teamRestore) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	return s.during("Restoring team "+team, func() (string, error) {
		_, err := h.RestoreTeam(ctx, team)
		return "", err
	})
}

// teamFlag names the team that a command is for.
type teamFlag struct {
	Team string `short:"t" placeholder:"NAME" help:"The team (or HEROKU_TEAM)."`
}

func (f teamFlag) target(s *Session) (*heroku.Client, string, error) {
	team := s.team(f.Team)
	if team == "" {
		return nil, "", complain("Missing required flag team\nSee more help with --help")
	}
	h, err := s.Client()
	return h, team, err
}

type members struct {
	teamFlag
	Role string `short:"r" placeholder:"ROLE" help:"Only members with this role."`
	JSON bool   `help:"Print JSON."`
}

// Run lists members by e-mail address.
func (c *members) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	ms, err := h.Members(ctx, team)
	if err != nil {
		return err
	}
	ms = slices.DeleteFunc(ms, func(m heroku.TeamMember) bool { return c.Role != "" && m.Role != c.Role })
	slices.SortFunc(ms, func(a, b heroku.TeamMember) int { return cmp.Compare(a.Email, b.Email) })
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.TeamMember](ms))
	}
	if len(ms) == 0 {
		with := ""
		if c.Role != "" {
			with = " with role " + c.Role
		}
		s.Term.Line("No members in %s%s", team, with)
		return nil
	}
	var rows [][]string
	for _, m := range ms {
		rows = append(rows, []string{m.Email, m.Role})
	}
	s.Term.Table([]string{"Email", "Role"}, rows)
	return nil
}

type memberAdd struct {
	teamFlag
	Email string `arg:"" help:"The member's e-mail address."`
	Role  string `short:"r" required:"" placeholder:"ROLE" help:"admin, member, viewer or collaborator."`
}

// Run adds a member.
func (c *memberAdd) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	return s.during("Adding "+c.Email+" to "+team+" as "+c.Role, func() (string, error) {
		_, err := h.AddMember(ctx, team, heroku.TeamMemberOpts{Email: c.Email, Role: c.Role})
		return "", err
	})
}

type memberSet memberAdd

// Run changes a member's role.
func (c *memberSet) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	return s.during("Setting "+c.Email+" in "+team+" as "+c.Role, func() (string, error) {
		_, err := h.SetMember(ctx, team, heroku.TeamMemberOpts{Email: c.Email, Role: c.Role})
		return "", err
	})
}

type memberRemove struct {
	teamFlag
	Email string `arg:"" help:"The member's e-mail address."`
}

// Run removes a member.
func (c *memberRemove) Run(ctx context.Context, s *Session) error {
	h, team, err := c.target(s)
	if err != nil {
		return err
	}
	return s.during("Removing "+c.Email+" from "+team, func() (string, error) {
		return "", h.RemoveMember(ctx, team, c.Email)
	})
}
