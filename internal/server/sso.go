package server

import (
	"net/url"
	"os"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/sso"
	"github.com/cloister-dev/cloister/internal/web"
)

// validateSSO says what is wrong with the identity provider.
func (c *Config) validateSSO(bad func(key, format string, args ...any)) {
	if c.SSOIssuer == "" {
		if c.SSOOnly {
			bad("sso_only", "needs sso_issuer: nobody could sign in otherwise")
		}
		return
	}
	u, err := url.Parse(c.SSOIssuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		bad("sso_issuer", "%q is not an address such as https://id.example.com", c.SSOIssuer)
	case u.Scheme == "http" && !cloister.Loopback(u.Hostname()):
		bad("sso_issuer", "%s has no TLS: anybody on the way could say who comes in", c.SSOIssuer)
	}
	if c.SSOClientID == "" {
		bad("sso_client_id", "is missing: register Cloister at the provider, to come back to https://HOST/sso/callback")
	}
	if _, err := c.ssoSecret(); err != nil {
		bad("sso_client_secret", "%s", err)
	}
	if c.SSOTeam != "" {
		if err := cloister.ValidTeamName(c.SSOTeam); err != nil {
			bad("sso_team", "%s", err)
		}
	}
	if c.SSORole != string(cloister.Admin) && c.SSORole != string(cloister.MemberRole) && c.SSORole != string(cloister.Viewer) {
		bad("sso_role", "%q is not admin, member or viewer", c.SSORole)
	}
}

func (c *Config) ssoSecret() (cloister.Secret, error) {
	text, err := os.ReadFile(c.SSOSecretFile)
	return cloister.Secret(strings.TrimSpace(string(text))), err
}

// identityProvider is the one that people sign in by; nil: there is none.
func (c *Config) identityProvider() web.IdentityProvider {
	if c.SSOIssuer == "" {
		return nil
	}
	secret, _ := c.ssoSecret() // validated at start
	return sso.New(sso.Config{Name: c.SSOName, Issuer: c.SSOIssuer, ClientID: c.SSOClientID, ClientSecret: secret, TrustEmail: c.SSOTrustEmail})
}
