package cli

import (
	"context"
	"strings"
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
