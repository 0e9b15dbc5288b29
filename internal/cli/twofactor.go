package cli

import "context"

type twoFactor struct{}

// Run tells whether the account has a second factor.
func (c *twoFactor) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	account, err := h.Account(ctx)
	if err != nil {
		return err
	}
	if account.TwoFactorAuthentication {
		s.Term.Line("Two-factor authentication is enabled")
	} else {
		s.Term.Line("Two-factor authentication is not enabled")
	}
	return nil
}

type twoFactorEnable struct{}

// Run turns the second factor on: the person tells their authenticator app a secret, and us a code of it.
func (c *twoFactorEnable) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	offer, err := h.StartTwoFactor(ctx)
	if err != nil {
		return err
	}
	s.Term.Note("Give this to your authenticator app, as it is or as a QR code:")
	s.Term.Note("  secret  %s\n  address %s", offer.Secret, offer.URL)
	code, err := s.Term.Ask(ctx, "Code that the app shows:")
	if err != nil {
		return err
	}
	recovery, err := h.ConfirmTwoFactor(ctx, code)
	if err != nil {
		return err
	}
	s.Term.Note("Two-factor authentication is enabled. Each of these recovery codes works once, should you lose the app. They are not shown again:")
	for _, code := range recovery.Codes {
		s.Term.Line("%s", code)
	}
	return nil
}

type twoFactorDisable struct {
	User string `placeholder:"EMAIL" help:"Somebody else who has lost it; only operators may."`
}

// Run turns the second factor off.
func (c *twoFactorDisable) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	if c.User != "" {
		return s.during("Disabling two-factor authentication of "+c.User, func() (string, error) {
			_, err := h.ResetTwoFactor(ctx, c.User)
			return "", err
		})
	}
	code, err := s.Term.Ask(ctx, "Code that the app shows, or a recovery code:")
	if err != nil {
		return err
	}
	return s.during("Disabling two-factor authentication", func() (string, error) {
		_, err := h.EndTwoFactor(ctx, code)
		return "", err
	})
}
