// Package sso signs people in by an identity provider of the operator's, with OpenID Connect: the authorization code flow of
// a confidential client, with PKCE, a state and a nonce. It knows nothing of our own people; what the provider says of
// somebody is handed on to package platform.
package sso

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/cloister-dev/cloister"
)

// Config says which provider it is, and as whom it knows us.
type Config struct {
	Name         string // of the provider, for people
	Issuer       string // its address, as in its discovery document
	ClientID     string
	ClientSecret cloister.Secret
	// TrustEmail takes an address for the person's own that the provider does not call verified. For providers that never
	// say, and have only addresses of their own.
	TrustEmail bool
}

// A Provider is an identity provider. What it says of itself is asked for when somebody signs in, and again when that failed.
type Provider struct {
	config Config
	client *http.Client

	mu    sync.Mutex
	known *oidc.Provider
}

// patience is how long the provider may take for an answer.
const patience = 10 * time.Second

// New returns a provider, which need not be there yet.
func New(c Config) *Provider {
	return &Provider{config: c, client: &http.Client{Timeout: patience}}
}

// Name is the provider's, for people.
func (p *Provider) Name() string { return p.config.Name }

// A Pending sign-in is one that somebody is at the provider for.
type Pending struct {
	State    string // the provider hands it back
	nonce    string
	verifier string
	redirect string
}

// Start begins to sign somebody in: to is where their browser goes, and redirect where it comes back to.
func (p *Provider) Start(ctx context.Context, redirect string) (to string, x Pending, err error) {
	provider, err := p.discover(ctx)
	if err != nil {
		return "", x, err
	}
	x = Pending{State: cloister.NewToken().Reveal(), nonce: cloister.NewToken().Reveal(), verifier: oauth2.GenerateVerifier(), redirect: redirect}
	return p.oauth(provider, redirect).AuthCodeURL(x.State, oidc.Nonce(x.nonce), oauth2.S256ChallengeOption(x.verifier)), x, nil
}

// Finish ends a sign-in with what the provider sent the browser back with: it is who has signed in there, by an address that
// is theirs. Forbidden if they refused, or the provider does not say so.
func (p *Provider) Finish(ctx context.Context, x Pending, back url.Values) (cloister.Identity, error) {
	if subtle.ConstantTimeCompare([]byte(back.Get("state")), []byte(x.State)) != 1 {
		return cloister.Identity{}, cloister.Errorf(cloister.Forbidden, "This sign-in was not begun here. Begin it again.")
	}
	if why := back.Get("error"); why != "" {
		return cloister.Identity{}, cloister.Errorf(cloister.Forbidden, "%s did not let you in: %s", p.config.Name, cloister.Words(strings.TrimSpace(why+" "+back.Get("error_description")), 200))
	}
	provider, err := p.discover(ctx)
	if err != nil {
		return cloister.Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.oauth(provider, x.redirect).Exchange(ctx, back.Get("code"), oauth2.VerifierOption(x.verifier))
	if refusal := (*oauth2.RetrieveError)(nil); errors.As(err, &refusal) {
		return cloister.Identity{}, cloister.Errorf(cloister.Forbidden, "%s did not confirm who you are (%s). Begin again.", p.config.Name, cloister.Words(refusal.ErrorCode, 50))
	}
	if err != nil {
		return cloister.Identity{}, p.away(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(ctx, raw)
	if err != nil {
		return cloister.Identity{}, fmt.Errorf("the ID token of %s: %w", p.config.Issuer, err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(x.nonce)) != 1 {
		return cloister.Identity{}, cloister.Errorf(cloister.Forbidden, "This sign-in was not begun here. Begin it again.")
	}
	return p.identity(ctx, provider, token, id)
}

// claims are what a provider says of somebody.
type claims struct {
	Email    string `json:"email"`
	Verified any    `json:"email_verified"` // true, or "true" of some
}

// identity reads who it is: from the ID token or, where that does not say, from the provider's own page about them.
func (p *Provider) identity(ctx context.Context, provider *oidc.Provider, token *oauth2.Token, id *oidc.IDToken) (cloister.Identity, error) {
	var c claims
	if err := id.Claims(&c); err != nil {
		return cloister.Identity{}, fmt.Errorf("the ID token of %s: %w", p.config.Issuer, err)
	}
	if c.Email == "" && provider.UserInfoEndpoint() != "" {
		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return cloister.Identity{}, p.away(err)
		}
		if info.Subject != id.Subject {
			return cloister.Identity{}, fmt.Errorf("%s tells of %q, whom nobody asked for", p.config.Issuer, info.Subject)
		}
		if err := info.Claims(&c); err != nil {
			return cloister.Identity{}, fmt.Errorf("what %s says of somebody: %w", p.config.Issuer, err)
		}
	}
	email := strings.ToLower(c.Email)
	if err := cloister.ValidEmail(email); err != nil {
		return cloister.Identity{}, cloister.Errorf(cloister.Forbidden, "%s does not tell your e-mail address. Its administrator can let it, with the scope email.", p.config.Name)
	}
	if c.Verified != true && c.Verified != "true" && !p.config.TrustEmail {
		return cloister.Identity{}, cloister.Errorf(cloister.Forbidden, "%s does not say that the address %s is yours (email_verified). Confirm it there first; if it never says so, the operator can set sso_trust_email.", p.config.Name, email)
	}
	return cloister.Identity{Issuer: id.Issuer, Subject: id.Subject, Email: email}, nil
}

func (p *Provider) oauth(provider *oidc.Provider, redirect string) *oauth2.Config {
	return &oauth2.Config{ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret.Reveal(), Endpoint: provider.Endpoint(), RedirectURL: redirect,
		Scopes: []string{oidc.ScopeOpenID, "email"}}
}

// discover reads what the provider says of itself, once.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	// The keys of the provider are fetched with this context for as long as we run.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.config.Issuer)
	if err != nil {
		return nil, p.away(err)
	}
	p.known = provider
	return provider, nil
}

// away is the error of a provider that is not there. The cause is for the operator.
func (p *Provider) away(cause error) error {
	return &unreachable{cloister.Errorf(cloister.Unavailable, "%s does not answer now. Try again in a moment, or sign in with a password.", p.config.Name), cause}
}

type unreachable struct {
	error
	cause error
}

func (u *unreachable) Unwrap() []error { return []error{u.error, u.cause} }
