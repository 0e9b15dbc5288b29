package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// A Session is one command line: its terminal, its surroundings, and the server that it is for.
type Session struct {
	Term *term.Terminal

	getenv  func(string) string
	environ func() []string
	dir     string
	now     func() time.Time
	version string
	server  []ServerCommand
	checks  func(ctx context.Context) []Check

	isolation func(ctx context.Context, only []string, told func(Attack)) error

	file   string // of the config
	config Config
	broken error // why the config could not be read
}

func newSession(o Options) *Session {
	s := &Session{getenv: o.Getenv, environ: o.Environ, dir: o.Dir, now: o.Now, version: o.Version, server: o.Server, checks: o.Checks, isolation: o.Isolation}
	if s.getenv == nil {
		s.getenv = os.Getenv
	}
	if s.environ == nil {
		s.environ = os.Environ
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.version == "" {
		s.version = "dev"
	}
	s.Term = term.New(o.In, o.Out, o.Err, s.getenv)
	return s
}

// Globals are the flags of every command.
type Globals struct {
	ConfigFile string           `name:"config" placeholder:"FILE" help:"Where the server's address and the token are kept (or CLOISTER_CONFIG)."`
	URL        string           `name:"url" placeholder:"URL" help:"The server's address (or CLOISTER_URL), in place of the one kept."`
	Version    kong.VersionFlag `help:"Print the version."`
}

// setup finds out which server the command is for: flags first, then the environment, then the file.
func (s *Session) setup(g Globals) {
	s.file = configFile(g.ConfigFile, s.getenv)
	s.config, s.broken = readConfig(s.file)
	if u := first(g.URL, s.getenv("CLOISTER_URL")); u != "" && u != s.config.URL {
		// Another server: what is kept for the one in the file is not for it.
		s.config = Config{URL: u, CA: s.config.CA}
	}
	s.config.URL = strings.TrimRight(first(s.config.URL, DefaultURL), "/")
	if t := s.getenv("HEROKU_API_KEY"); t != "" {
		s.config.Token, s.config.Email = t, first(s.getenv("HEROKU_EMAIL"), s.config.Email)
	}
}

// Client is the server, for somebody who is signed in.
func (s *Session) Client() (*heroku.Client, error) {
	c, err := s.Anonymous()
	if err != nil {
		return nil, err
	}
	if s.config.Token == "" {
		return nil, complain("Not logged in to %s.\nRun 'cloister login', or set HEROKU_API_KEY.", s.config.URL)
	}
	c.Token = s.config.Token
	return c, nil
}

// Anonymous is the server, for somebody it does not know yet.
func (s *Session) Anonymous() (*heroku.Client, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	u, err := url.Parse(s.config.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of a server, such as https://cloister.example:5100", s.config.URL)
	}
	roots, err := s.roots()
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.TLSClientConfig = &tls.Config{RootCAs: roots}
	return &heroku.Client{URL: s.config.URL, HTTP: &http.Client{Transport: t}, UserAgent: "cloister/" + s.version,
		Warn: func(text string) { s.Term.Warn("%s", text) }}, nil
}

// roots are the machine's certificate authorities and the server's own.
func (s *Session) roots() (*x509.CertPool, error) {
	if s.config.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(s.config.CA)
	if err != nil {
		return nil, fmt.Errorf("read the server's CA certificate: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM form", s.config.CA)
	}
	return pool, nil
}

// during shows what fn does while it does it. more is said after "done".
func (s *Session) during(title string, fn func() (more string, err error)) error {
	a := s.Term.Start("%s", title)
	more, err := fn()
	switch {
	case err != nil:
		a.Failed(err)
	case more != "":
		a.Done(more)
	default:
		a.Done()
	}
	return err
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// exit tells the person what went wrong and gives the status to end with.
func (s *Session) exit(ctx context.Context, err error) int {
	var status exitStatus
	var api *heroku.Error
	var netErr *net.OpError
	var tlsErr *tls.CertificateVerificationError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))):
		return 130 // as a shell reports a program that ended by Ctrl-C
	case errors.As(err, &api):
		text := err.Error()
		if api.Status == http.StatusUnauthorized {
			text += "\nRun 'cloister login' to log in again."
		}
		if api.URL != "" {
			text += "\nSee " + api.URL + " for more information."
		}
		s.Term.Error("%s", text)
	case errors.As(err, &tlsErr):
		s.Term.Error("The certificate of %s is not trusted here: %v\nGive the server's CA with 'cloister login --ca FILE'.", s.config.URL, tlsErr.Err)
	case errors.As(err, &netErr) && netErr.Op == "dial":
		s.Term.Error("Couldn't reach the server at %s: %v\nRun 'cloister doctor' to find out why.", s.config.URL, netErr.Err)
	default:
		s.Term.Error("%v", err)
	}
	return 1
}

// first is the first of vs that is not empty.
func first(vs ...string) string {
	for _, v := range vs {
		if v != "" {
			return v
		}
	}
	return ""
}
