package cli

import "context"

type userSuspend struct {
	Email   string `arg:"" help:"Whom."`
	Confirm string `placeholder:"EMAIL" help:"Whom again, instead of the question."`
}

// Run keeps a person out.
func (c *userSuspend) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, c.Email, c.Confirm, "Destructive Action\nThis command will keep "+c.Email+" out: neither password nor tokens work until `users:restore`. What is theirs stays, and what runs goes on."); err != nil {
		return err
	}
	return s.during("Suspending "+c.Email, func() (string, error) {
		_, err := h.SuspendUser(ctx, c.Email)
		return "", err
	})
}

type userRestore struct {
	Email string `arg:"" help:"Whom."`
}

// Run lets a person in again.
func (c *userRestore) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Restoring "+c.Email, func() (string, error) {
		_, err := h.RestoreUser(ctx, c.Email)
		return "", err
	})
}
