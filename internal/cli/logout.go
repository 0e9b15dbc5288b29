package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type logout struct{}

// Run makes the token void and forgets it; the server's address stays.
func (logout) Run(ctx context.Context, s *Session) error {
	if s.config.Token == "" {
		return complain("Not logged in.")
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Logging out", func() (string, error) {
		if err := revoke(ctx, h, s.config.Token); err != nil {
			return "", err
		}
		kept, err := readConfig(s.file)
		if err != nil {
			return "", err
		}
		kept.Token, kept.Email = "", ""
		return "", WriteConfig(s.file, kept)
	})
}

// revoke ends the session that a token is of, if any, and makes the token void. One that the server no longer knows is
// void already.
func revoke(ctx context.Context, h *heroku.Client, token string) error {
	void := func(err error) bool { return heroku.IsNotFound(err) || heroku.IsUnauthorized(err) }
	if err := h.DeleteSession(ctx, "~"); err != nil && !void(err) {
		return err
	}
	as, err := h.Authorizations(ctx)
	if err != nil && !void(err) {
		return err
	}
	for _, a := range as {
		if a.AccessToken != nil && sameToken(token, a.AccessToken.Token) {
			if _, err := h.DeleteAuthorization(ctx, a.ID); err != nil && !void(err) {
				return fmt.Errorf("revoke the token: %w", err)
			}
		}
	}
	return nil
}

// sameToken compares a token with what lists show of it: its beginning and end, around asterisks.
func sameToken(token, shown string) bool {
	i := strings.Index(shown, "****")
	if i < 0 {
		return token == shown
	}
	head, tail := shown[:i], strings.TrimLeft(shown[i:], "*")
	return head+tail != "" && strings.HasPrefix(token, head) && strings.HasSuffix(token, tail)
}

type whoami struct{}

// Run prints the e-mail address of the account; status 100 says that there is none.
func (whoami) Run(ctx context.Context, s *Session) error {
	if s.getenv("HEROKU_API_KEY") != "" {
		s.Term.Warn("HEROKU_API_KEY is set")
	}
	h, err := s.Anonymous()
	if err != nil {
		return err
	}
	if h.Token = s.config.Token; h.Token != "" {
		a, err := h.Account(ctx)
		if err == nil {
			s.Term.Line("%s", a.Email)
			return nil
		}
		if !heroku.IsUnauthorized(err) {
			return err
		}
	}
	s.Term.Error("not logged in")
	return exitStatus(100)
}

type authToken struct{}

// Run prints the token in use, for scripts.
func (authToken) Run(s *Session) error {
	if _, err := s.Client(); err != nil {
		return err
	}
	s.Term.Line("%s", s.config.Token)
	return nil
}
