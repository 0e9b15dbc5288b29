package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type domains struct {
	appFlag
	JSON bool `short:"j" help:"Print JSON."`
}

// Run lists the domains of an app: its own, and those that were added.
func (c *domains) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	ds, err := h.Domains(ctx, app)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Domain](ds))
	}
	slices.SortFunc(ds, func(a, b heroku.Domain) int { return cmp.Compare(a.Hostname, b.Hostname) })
	s.Term.Header("%s Heroku Domain", app)
	var rows [][]string
	for _, d := range ds {
		if d.Kind == "heroku" {
			s.Term.Line("%s", d.Hostname)
			continue
		}
		endpoint := ""
		if d.SNIEndpoint != nil {
			endpoint = d.SNIEndpoint.Name
		}
		rows = append(rows, []string{d.Hostname, record(d.Hostname), text(d.CNAME), endpoint})
	}
	if len(rows) > 0 {
		s.Term.Line("")
		s.Term.Header("%s Custom Domains", app)
		s.Term.Table([]string{"Domain Name", "DNS Record Type", "DNS Target", "SNI Endpoint"}, rows)
	}
	return nil
}

// record is the kind of DNS record that can point a host name at another. At the top of a zone there is no CNAME; that
// a name with one dot is the top of one is a guess that is right for most.
func record(hostname string) string {
	if strings.Count(hostname, ".") == 1 && !strings.HasPrefix(hostname, "*") {
		return "ALIAS or ANAME"
	}
	return "CNAME"
}

type domainAdd struct {
	appFlag
	Hostname string `arg:"" help:"The domain, such as www.example.com."`
	Cert     string `short:"c" placeholder:"NAME" help:"The certificate to use."`
	JSON     bool   `short:"j" help:"Print JSON."`
}

// Run adds a domain and says what its DNS record must be.
func (c *domainAdd) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	in := heroku.DomainCreateOpts{Hostname: c.Hostname}
	if c.Cert != "" {
		in.SNIEndpoint = heroku.Pointer(heroku.Ref(c.Cert))
	}
	var d heroku.Domain
	err = s.during("Adding "+c.Hostname+" to "+app, func() (_ string, err error) {
		d, err = h.AddDomain(ctx, app, in)
		return "", err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(d)
	}
	s.Term.Line("Configure your app's DNS provider to point to the DNS Target %s.", text(d.CNAME))
	return nil
}

type domainRemove struct {
	appFlag
	Hostname string `arg:"" help:"The domain."`
}

// Run removes a domain.
func (c *domainRemove) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Removing "+c.Hostname+" from "+app, func() (string, error) {
		_, err := h.RemoveDomain(ctx, app, c.Hostname)
		return "", err
	})
}
