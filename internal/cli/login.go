package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// tokenLife is how long a token of login lasts, as with Heroku's CLI: 30 days.
const tokenLife = 30 * 24 * 60 * 60

type login struct {
	Interactive bool   `short:"i" help:"Ask for e-mail address and password here, without a browser."`
	ExpiresIn   int    `short:"e" name:"expires-in" placeholder:"SECONDS" help:"How long the token lasts (30 days)."`
	FromStdin   bool   `name:"from-stdin" help:"Read what 'cloister server --login' prints on the server's machine."`
	CA          string `name:"ca" type:"path" placeholder:"FILE" help:"The CA certificate of the server, if it has its own."`
}

// Run gets a token and keeps it with the server's address.
func (c *login) Run(ctx context.Context, s *Session) error {
	if s.getenv("HEROKU_API_KEY") != "" {
		return complain("HEROKU_API_KEY is set, and would be used instead of what you log in with. Unset it first.")
	}
	if c.FromStdin {
		return s.adoptLogin(ctx)
	}
	if c.CA != "" {
		ca, err := filepath.Abs(c.CA)
		if err != nil {
			return err
		}
		s.config.CA = ca
	}
	h, err := s.Anonymous()
	if err != nil {
		return err
	}
	var token string
	if !c.Interactive {
		token, err = s.browserLogin(ctx, h)
		if status := heroku.StatusOf(err); status == http.StatusNotFound || status == http.StatusNotImplemented {
			s.Term.Note("This server has no login by browser.")
			c.Interactive = true
		}
	}
	if c.Interactive {
		token, err = s.passwordLogin(ctx, h, c.ExpiresIn)
	}
	if err != nil {
		return err
	}
	h.Token = token
	account, err := h.Account(ctx)
	if err != nil {
		return err
	}
	s.config.Token, s.config.Email = token, account.Email
	if err := WriteConfig(s.file, s.config); err != nil {
		return err
	}
	s.Term.Line("Logged in as %s", s.Term.Cyan(account.Email))
	return nil
}

// adoptLogin reads a login that the server has made itself: its address, its CA, and a token. The CA is kept beside the
// configuration.
func (s *Session) adoptLogin(ctx context.Context) error {
	var in struct{ URL, CA, Email, Token string }
	if err := json.NewDecoder(s.Term.In).Decode(&in); err != nil {
		return fmt.Errorf("read the login: %w", err)
	}
	if in.URL == "" || in.Token == "" {
		return complain("What was read is not a login: it lacks the server's address or a token.")
	}
	s.config, s.broken = Config{URL: strings.TrimRight(in.URL, "/"), Token: in.Token, Email: in.Email}, nil
	if in.CA != "" {
		if s.file == "" {
			return complain("This system has no place for configuration; name a file with --config.")
		}
		s.config.CA = filepath.Join(filepath.Dir(s.file), "ca.pem")
		if err := writeFile(s.config.CA, []byte(in.CA)); err != nil {
			return err
		}
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	account, err := h.Account(ctx)
	if err != nil {
		return err
	}
	s.config.Email = account.Email
	if err := WriteConfig(s.file, s.config); err != nil {
		return err
	}
	s.Term.Line("Logged in as %s", s.Term.Cyan(account.Email))
	return nil
}

func (s *Session) passwordLogin(ctx context.Context, h *heroku.Client, expires int) (string, error) {
	s.Term.Note("cloister: Enter your login credentials for %s", s.config.URL)
	email, err := s.Term.Ask(ctx, "Email:")
	if err != nil {
		return "", err
	}
	password, err := s.Term.Password(ctx, "Password:")
	if err != nil {
		return "", err
	}
	if expires == 0 {
		expires = tokenLife
	}
	in := heroku.AuthorizationCreateOpts{Description: "Cloister CLI login from " + hostname(), Scope: []string{"global"},
		ExpiresIn: heroku.Pointer(heroku.Int(expires))}
	a, err := h.SignIn(ctx, email, password, "", in)
	var e *heroku.Error
	if errors.As(err, &e) && e.ID == heroku.ErrTwoFactor {
		code, err := s.Term.Password(ctx, "Two-factor code:")
		if err != nil {
			return "", err
		}
		if a, err = h.SignIn(ctx, email, password, code, in); err != nil {
			return "", err
		}
	} else if heroku.IsUnauthorized(err) {
		return "", complain("%v", err) // "log in again" would be no help
	} else if err != nil {
		return "", err
	}
	if a.AccessToken == nil {
		return "", errors.New("the server gave no token")
	}
	return a.AccessToken.Token, nil
}

// browserLogin has a person log in on a page of the server and waits, for ten minutes at most.
func (s *Session) browserLogin(ctx context.Context, h *heroku.Client) (string, error) {
	r, err := h.StartSignIn(ctx, heroku.SignInCreateOpts{Description: "Cloister CLI login from " + hostname()})
	if err != nil {
		return "", err
	}
	page := s.config.URL + r.BrowserURL
	s.Term.Note("Log in at %s", page)
	if term.IsTerminal(s.Term.Err) {
		if err := browse(ctx, page); err != nil {
			s.Term.Warn("Cannot open browser. Open the address above yourself.")
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, complain("Nobody logged in for ten minutes."))
	defer cancel()
	var token string
	err = s.during("Waiting for login", func() (_ string, err error) {
		for {
			token, err = h.AwaitSignIn(ctx, r)
			if heroku.StatusOf(err) <= 500 {
				return "", err
			}
			if err := pause(ctx, time.Second); err != nil {
				return "", err
			}
		}
	})
	return token, err
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "somewhere"
	}
	return name
}
