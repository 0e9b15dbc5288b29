package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type authorizations struct {
	JSON bool `short:"j" help:"Print JSON."`
}

// Run lists tokens by what they are for.
func (c *authorizations) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	as, err := h.Authorizations(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(as, func(a, b heroku.Authorization) int {
		return cmp.Or(cmp.Compare(a.Description, b.Description), cmp.Compare(a.ID, b.ID))
	})
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Authorization](as))
	}
	if len(as) == 0 {
		s.Term.Line("No OAuth authorizations.")
		return nil
	}
	var rows [][]string
	for _, a := range as {
		rows = append(rows, []string{a.Description, a.ID, strings.Join(a.Scope, ",")})
	}
	s.Term.Table([]string{"Description", "ID", "Scope"}, rows)
	return nil
}

type authorizationCreate struct {
	Description string `short:"d" placeholder:"TEXT" help:"What the token is for."`
	Scope       string `short:"s" placeholder:"LIST" help:"What it may do: global, identity, read, write, read-protected, write-protected."`
	ExpiresIn   int    `short:"e" name:"expires-in" placeholder:"SECONDS" help:"How long it lasts; for ever without."`
	Short       bool   `short:"S" help:"Print only the token."`
	JSON        bool   `short:"j" help:"Print JSON."`
}

// Run makes a token. Its text is shown this once.
func (c *authorizationCreate) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	in := heroku.AuthorizationCreateOpts{Description: c.Description}
	if c.Scope != "" {
		in.Scope = strings.Split(c.Scope, ",")
	}
	if c.ExpiresIn > 0 {
		in.ExpiresIn = heroku.Pointer(heroku.Int(c.ExpiresIn))
	}
	var a heroku.Authorization
	err = s.during("Creating OAuth Authorization", func() (_ string, err error) {
		a, err = h.CreateAuthorization(ctx, in)
		return "", err
	})
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(a)
	case c.Short && a.AccessToken != nil:
		s.Term.Line("%s", a.AccessToken.Token)
	default:
		s.showAuthorization(a)
	}
	return nil
}

type authorizationInfo struct {
	ID   string `arg:"" help:"The token's id."`
	JSON bool   `short:"j" help:"Print JSON."`
}

// Run shows a token, but for its text.
func (c *authorizationInfo) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	a, err := h.Authorization(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(a)
	}
	s.showAuthorization(a)
	return nil
}

func (s *Session) showAuthorization(a heroku.Authorization) {
	client, token, expires := "<none>", "", ""
	if a.Client != nil {
		client = a.Client.Name
	}
	if a.AccessToken != nil {
		token = a.AccessToken.Token
		if in := a.AccessToken.ExpiresIn; in != nil {
			d := time.Duration(*in) * time.Second
			expires = fmt.Sprintf("%s (in %s)", s.now().Add(d).Format("2006/01/02 15:04:05 -0700"), d)
		}
	}
	s.Term.Object(term.F("Client", client), term.F("ID", a.ID), term.F("Description", a.Description),
		term.F("Scope", strings.Join(a.Scope, ",")), term.F("Token", token), term.F("Expires at", expires),
		term.F("Updated at", s.ago(a.UpdatedAt.Time)))
}

type authorizationRevoke struct {
	ID string `arg:"" help:"The token's id."`
}

// Run makes a token void.
func (c *authorizationRevoke) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Revoking OAuth Authorization", func() (string, error) {
		a, err := h.DeleteAuthorization(ctx, c.ID)
		return "revoked authorization from " + a.Description, err
	})
}
