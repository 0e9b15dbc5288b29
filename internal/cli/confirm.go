package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// confirm has a person type the name of what they are about to destroy, unless they have said it already by --confirm.
func (s *Session) confirm(ctx context.Context, name, said, warning string) error {
	if said != "" {
		if said == name {
			return nil
		}
		return complain("Confirmation %s did not match %s. Aborted.", said, name)
	}
	s.Term.Warn("%s", warning)
	answer, err := s.Term.Ask(ctx, "To proceed, type %s or re-run this command with --confirm %s:", name, name)
	if err != nil {
		return err
	}
	if strings.TrimSpace(answer) != name {
		return complain("Confirmation did not match %s. Aborted.", name)
	}
	return nil
}

// confirmed does what the server may want to have confirmed by the name of the app: then a person is asked, unless they have
// said it already by --confirm, and it is done again.
func (s *Session) confirmed(ctx context.Context, app, said string, do func(confirm string) error) error {
	err := do(said)
	var wants *heroku.Error
	if !errors.As(err, &wants) || wants.ID != heroku.ErrConfirm {
		return err
	}
	if err := s.confirm(ctx, app, said, wants.Message); err != nil {
		return err
	}
	return do(app)
}
