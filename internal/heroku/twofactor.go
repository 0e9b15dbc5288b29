package heroku

import (
	"context"
	"net/http"
)

// A TwoFactorOffer is what an authenticator app has to be told. It is ours, as all about turning the second factor on.
type TwoFactorOffer struct {
	Secret string `json:"secret"` // base32
	URL    string `json:"url"`    // "otpauth://totp/…"
}

// A TwoFactorCode is a code of the app, or a recovery code.
type TwoFactorCode struct {
	Code string `json:"code"`
}

// RecoveryCodes each work once, instead of a code of the app.
type RecoveryCodes struct {
	Codes List[string] `json:"recovery_codes"`
}

// StartTwoFactor gives the account a secret for an authenticator app.
func (c *Client) StartTwoFactor(ctx context.Context) (TwoFactorOffer, error) {
	return call[TwoFactorOffer](ctx, c, http.MethodPost, "/account/two-factor", nil)
}

// ConfirmTwoFactor turns the second factor on.
func (c *Client) ConfirmTwoFactor(ctx context.Context, code string) (RecoveryCodes, error) {
	return call[RecoveryCodes](ctx, c, http.MethodPost, "/account/two-factor/actions/confirm", TwoFactorCode{code})
}

// EndTwoFactor turns it off.
func (c *Client) EndTwoFactor(ctx context.Context, code string) (Account, error) {
	return call[Account](ctx, c, http.MethodPost, "/account/two-factor/actions/disable", TwoFactorCode{code})
}

// ResetTwoFactor takes another person's second factor away. Only operators may.
func (c *Client) ResetTwoFactor(ctx context.Context, email string) (Account, error) {
	return call[Account](ctx, c, http.MethodDelete, Path("/users/%s/two-factor", email), nil)
}
