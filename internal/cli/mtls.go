package cli

import (
	"context"
	"os"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type mtls struct {
	appFlag
	Hostname string `arg:"" help:"The domain."`
	JSON     bool   `short:"j" help:"Print JSON."`
}

// Run says who may come to a domain.
func (c *mtls) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	m, err := h.MutualTLS(ctx, app, c.Hostname)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(m)
	}
	if !m.Enabled {
		s.Term.Line("%s is open to clients without a certificate.", m.Domain.Hostname)
		return nil
	}
	var rows [][]string
	for _, a := range m.Authorities {
		rows = append(rows, []string{a.Subject, a.SerialNumber, a.ExpiresAt.Text()})
	}
	s.Term.Header("%s admits clients of", m.Domain.Hostname)
	s.Term.Table([]string{"Authority", "Serial", "Expires"}, rows)
	return nil
}

type mtlsSet struct {
	appFlag
	Hostname string `arg:"" help:"The domain."`
	CA       string `arg:"" name:"ca" type:"existingfile" help:"The certificates of those who sign the clients' ones, PEM."`
}

// Run closes a domain to all but known clients.
func (c *mtlsSet) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(c.CA)
	if err != nil {
		return err
	}
	return s.during("Closing "+c.Hostname+" to clients without a certificate", func() (string, error) {
		_, err := h.SetMutualTLS(ctx, app, c.Hostname, heroku.MutualTLSOpts{CA: string(ca)})
		return "", err
	})
}

type mtlsUnset struct {
	appFlag
	Hostname string `arg:"" help:"The domain."`
}

// Run opens a domain again.
func (c *mtlsUnset) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Opening "+c.Hostname+" to clients without a certificate", func() (string, error) {
		_, err := h.UnsetMutualTLS(ctx, app, c.Hostname)
		return "", err
	})
}
