package cli

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type certs struct {
	appFlag
	JSON bool `help:"Print JSON."`
}

// Run lists the certificates of an app.
func (c *certs) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	all, err := h.SNIEndpoints(ctx, app)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.SNIEndpoint](all))
	}
	if len(all) == 0 {
		s.Term.Line("%s has no SSL certificates. Use `certs:add`, or `certs:auto:enable`.", app)
		return nil
	}
	var rows [][]string
	for _, e := range all {
		kind := "SNI"
		if e.SSLCert.ACM {
			kind = "ACM"
		}
		rows = append(rows, []string{e.Name, strings.Join(e.SSLCert.CertDomains, ", "), e.SSLCert.ExpiresAt.Text(), kind})
	}
	s.Term.Table([]string{"Name", "Common Name(s)", "Expires", "Type"}, rows)
	return nil
}

// certFiles are a certificate with its chain, and its key.
type certFiles struct {
	Chain string `arg:"" name:"crt" type:"existingfile" help:"The certificate and its intermediates, PEM."`
	Key   string `arg:"" name:"key" type:"existingfile" help:"Its key, PEM, without a passphrase."`
}

func (f certFiles) read() (in heroku.SNIEndpointOpts, err error) {
	chain, err := os.ReadFile(f.Chain)
	if err != nil {
		return in, err
	}
	key, err := os.ReadFile(f.Key)
	return heroku.SNIEndpointOpts{CertificateChain: heroku.Pointer(string(chain)), PrivateKey: heroku.Pointer(string(key))}, err
}

type certsAdd struct {
	appFlag
	certFiles
}

// Run gives an app a certificate, and has those of its domains served with it that it is for and that have none.
func (c *certsAdd) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	in, err := c.read()
	if err != nil {
		return err
	}
	var e heroku.SNIEndpoint
	if err := s.during("Adding SSL certificate to "+app, func() (_ string, err error) {
		e, err = h.AddSNIEndpoint(ctx, app, in)
		return e.Name, err
	}); err != nil {
		return err
	}
	domains, err := h.Domains(ctx, app)
	if err != nil {
		return err
	}
	for _, d := range domains {
		if d.Kind != "custom" || d.SNIEndpoint != nil || !slices.ContainsFunc(e.SSLCert.CertDomains, func(n string) bool { return covers(n, d.Hostname) }) {
			continue
		}
		if err := s.serveWith(ctx, h, app, d.Hostname, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// covers reports whether a name of a certificate is good for a host name.
func covers(name, hostname string) bool {
	_, above, _ := strings.Cut(hostname, ".")
	parent, wild := strings.CutPrefix(name, "*.")
	return name == hostname || wild && parent == above && !strings.HasPrefix(hostname, "*")
}

func (s *Session) serveWith(ctx context.Context, h *heroku.Client, app, hostname, cert string) error {
	return s.during("Serving "+hostname+" with "+cert, func() (string, error) {
		_, err := h.UpdateDomain(ctx, app, hostname, heroku.DomainUpdateOpts{SNIEndpoint: heroku.Pointer(heroku.Ref(cert))})
		return "", err
	})
}

type domainUpdate struct {
	appFlag
	Hostname string `arg:"" help:"The domain."`
	Cert     string `required:"" placeholder:"NAME" help:"The certificate, as certs lists it."`
}

// Run has a domain served with another certificate.
func (c *domainUpdate) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.serveWith(ctx, h, app, c.Hostname, c.Cert)
}

type certsUpdate struct {
	appFlag
	certFiles
	Name string `required:"" placeholder:"NAME" help:"The certificate that it takes the place of."`
}

// Run puts another certificate in the place of one, from one moment to the next.
func (c *certsUpdate) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	in, err := c.read()
	if err != nil {
		return err
	}
	return s.during("Updating SSL certificate "+c.Name+" for "+app, func() (string, error) {
		_, err := h.UpdateSNIEndpoint(ctx, app, c.Name, in)
		return "", err
	})
}

type certsRemove struct {
	appFlag
	Name    string `required:"" placeholder:"NAME" help:"The certificate."`
	Confirm string `short:"c" placeholder:"NAME" help:"The app's name, instead of the question."`
}

// Run takes a certificate from an app.
func (c *certsRemove) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, app, c.Confirm, "Destructive Action\nThis will remove the certificate "+c.Name+" from "+app+". Domains that are served with it have none then."); err != nil {
		return err
	}
	return s.during("Removing SSL certificate "+c.Name+" from "+app, func() (string, error) {
		return "", h.RemoveSNIEndpoint(ctx, app, c.Name)
	})
}

type certsAuto struct{ appFlag }

// Run shows the automatic certificates of an app's domains.
func (c *certsAuto) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	app, err := h.App(ctx, name)
	if err != nil {
		return err
	}
	if !app.ACM {
		s.Term.Line("Automatic Certificate Management is disabled on %s. Use `certs:auto:enable`.", app.Name)
		return nil
	}
	domains, err := h.Domains(ctx, name)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, d := range domains {
		if d.Kind == "custom" {
			rows = append(rows, []string{d.Hostname, first(text(d.ACMStatus), "waiting"), text(d.ACMStatusReason)})
		}
	}
	s.Term.Table([]string{"Domain", "Status", "Reason"}, rows)
	return nil
}

type certsAutoEnable struct{ appFlag }

// Run has the platform get certificates for an app's domains.
func (c *certsAutoEnable) Run(ctx context.Context, s *Session) error {
	return s.acm(ctx, c.appFlag, "Enabling", func(h *heroku.Client, app string) (heroku.App, error) { return h.EnableACM(ctx, app) })
}

type certsAutoDisable struct{ appFlag }

// Run ends that. The certificates that were got are gone.
func (c *certsAutoDisable) Run(ctx context.Context, s *Session) error {
	return s.acm(ctx, c.appFlag, "Disabling", func(h *heroku.Client, app string) (heroku.App, error) { return h.DisableACM(ctx, app) })
}

type certsAutoRefresh struct{ appFlag }

// Run has what was not got tried again.
func (c *certsAutoRefresh) Run(ctx context.Context, s *Session) error {
	return s.acm(ctx, c.appFlag, "Refreshing", func(h *heroku.Client, app string) (heroku.App, error) { return h.RefreshACM(ctx, app) })
}

func (s *Session) acm(ctx context.Context, f appFlag, verb string, do func(*heroku.Client, string) (heroku.App, error)) error {
	h, app, err := f.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during(verb+" Automatic Certificate Management", func() (string, error) {
		_, err := do(h, app)
		return "", err
	})
}
