package cli

import (
	"context"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// account is the enterprise account that the installation is.
func (s *Session) account(ctx context.Context) (*heroku.Client, string, error) {
	h, err := s.Client()
	if err != nil {
		return nil, "", err
	}
	all, err := h.EnterpriseAccounts(ctx)
	if err != nil {
		return nil, "", err
	}
	if len(all) == 0 {
		return nil, "", complain("Only an operator of this installation may do that.")
	}
	return h, all[0].ID, nil
}

type operators struct {
	JSON bool `help:"Print JSON."`
}

// Run lists who may administer the installation.
func (c *operators) Run(ctx context.Context, s *Session) error {
	h, account, err := s.account(ctx)
	if err != nil {
		return err
	}
	all, err := h.EnterpriseAccountMembers(ctx, account)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.EnterpriseAccountMember](all))
	}
	var rows [][]string
	for _, m := range all {
		second := "no"
		if m.TwoFactorAuthentication {
			second = "yes"
		}
		rows = append(rows, []string{m.User.Email, second})
	}
	s.Term.Table([]string{"Email", "Second Factor"}, rows)
	return nil
}

type operatorAdd struct {
	Email string `arg:"" help:"The e-mail address of their account."`
}

// Run lets somebody administer the installation.
func (c *operatorAdd) Run(ctx context.Context, s *Session) error {
	h, account, err := s.account(ctx)
	if err != nil {
		return err
	}
	return s.during("Making "+c.Email+" an operator", func() (string, error) {
		_, err := h.AddEnterpriseAccountMember(ctx, account, heroku.EnterpriseAccountMemberOpts{User: c.Email, Permissions: heroku.List[string]{"manage"}})
		return "", err
	})
}

type operatorRemove operatorAdd

// Run takes that away. There is always one.
func (c *operatorRemove) Run(ctx context.Context, s *Session) error {
	h, account, err := s.account(ctx)
	if err != nil {
		return err
	}
	return s.during("Making "+c.Email+" an operator no longer", func() (string, error) {
		return "", h.RemoveEnterpriseAccountMember(ctx, account, c.Email)
	})
}
