package heroku

import (
	"context"
	"errors"
	"net/http"
)

// A SignInRequest is a sign-in by a browser that is under way. Both URLs are paths of the server.
type SignInRequest struct {
	BrowserURL string `json:"browser_url"` // where a person signs in
	CLIURL     string `json:"cli_url"`     // where the program waits for that
	Token      string `json:"token"`       // with which it may
}

// SignInCreateOpts starts a sign-in by a browser.
type SignInCreateOpts struct {
	Description string `json:"description"`
}

// A SignInResult is how a sign-in by a browser ended: with a token, or with the reason why not.
type SignInResult struct {
	AccessToken string `json:"access_token,omitempty"`
	Error       string `json:"error,omitempty"`
}

// StartSignIn begins a sign-in by a browser.
func (c *Client) StartSignIn(ctx context.Context, in SignInCreateOpts) (SignInRequest, error) {
	return call[SignInRequest](ctx, c, http.MethodPost, "/auth", in)
}

// AwaitSignIn waits until the person has signed in and gives the token. The server may answer 503 to be asked again.
func (c *Client) AwaitSignIn(ctx context.Context, r SignInRequest) (string, error) {
	res, err := get[SignInResult](ctx, c, r.CLIURL, Header("Authorization", "Bearer "+r.Token))
	if err == nil && res.AccessToken == "" {
		err = errors.New(res.Error)
	}
	return res.AccessToken, err
}
