package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type spacesDestroy struct {
	spaceFlag
	Confirm string `placeholder:"NAME" help:"The space's name, instead of the question."`
}

// Run destroys a space, having named the addresses that are freed.
func (c *spacesDestroy) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	sp, err := h.Space(ctx, name)
	if err != nil {
		return err
	}
	warning := fmt.Sprintf("Destructive Action\nThis command will destroy the space %s", sp.Name)
	if sp.State == "allocated" {
		nat, err := h.NAT(ctx, name)
		if err != nil {
			return err
		}
		if nat.State == "enabled" && len(nat.Sources) > 0 {
			warning += fmt.Sprintf("\nIts outbound IPs will be used again by others: %s\nRemove them from the allowlists of the services that trust them.", outbound(&nat))
		}
	}
	if len(sp.IngressIPs) > 0 {
		warning += fmt.Sprintf("\nSo will its ingress IPs: %s\nRemove the DNS records that lead to them.", strings.Join(sp.IngressIPs, ", "))
	}
	if err := s.confirm(ctx, name, c.Confirm, warning); err != nil {
		return err
	}
	var gone heroku.Space
	err = s.during("Destroying space "+sp.Name, func() (_ string, err error) {
		gone, err = h.DeleteSpace(ctx, name)
		return "", err
	})
	if err != nil {
		return err
	}
	s.Term.Header("%s", first(gone.Name, sp.Name))
	s.Term.Object(term.F("Team", sp.Team.Name), term.F("State", s.Term.State(first(gone.State, "deleting"))))
	return nil
}

type spacesRename struct {
	From string `required:"" placeholder:"NAME" help:"The space's name."`
	To   string `required:"" placeholder:"NAME" help:"The name it gets."`
}

// Run renames a space.
func (c *spacesRename) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Renaming space from "+c.From+" to "+c.To, func() (string, error) {
		_, err := h.UpdateSpace(ctx, c.From, heroku.SpaceUpdateOpts{Name: &c.To})
		return "", err
	})
}

type spacesTransfer struct {
	Space string `short:"s" required:"" placeholder:"NAME" help:"The space."`
	Team  string `short:"t" required:"" placeholder:"NAME" help:"The team that gets it."`
}

// Run gives a space to another team.
func (c *spacesTransfer) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Transferring space "+c.Space+" to team "+c.Team, func() (string, error) {
		_, err := h.TransferSpace(ctx, c.Space, heroku.SpaceTransferOpts{NewOwner: heroku.Ref(c.Team)})
		return "", err
	})
}
