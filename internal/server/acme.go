package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/acm"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/store"
)

// validateACME says what is wrong with the ACME server.
func (c *Config) validateACME(bad func(key, format string, args ...any)) {
	if c.ACMEDirectory == "" {
		return
	}
	if u, err := url.Parse(c.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		bad("acme_directory", "%q is not an address such as https://acme-v02.api.letsencrypt.org/directory", c.ACMEDirectory)
	}
	if c.ACMEEmail != "" {
		if err := cloister.ValidEmail(c.ACMEEmail); err != nil {
			bad("acme_email", "%s", err)
		}
	}
	if _, err := c.acmeRoots(); err != nil {
		bad("acme_roots", "%s", err)
	}
	if c.ACMEHook != "" && c.ACMEServer != "" {
		bad("acme_dns_hook, acme_dns_server", "are two ways to change the DNS; choose one")
	}
	if c.ACMEHook != "" && !filepath.IsAbs(c.ACMEHook) {
		bad("acme_dns_hook", "%q is not an absolute path", c.ACMEHook)
	}
	if _, err := c.acmeDNS(); err != nil {
		bad("acme_dns_key", "%s", err)
	}
}

func (c *Config) acmeRoots() (*x509.CertPool, error) {
	if c.ACMERoots == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.ACMERoots)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in it", c.ACMERoots)
	}
	return pool, nil
}

// acmeDNS is how the DNS is changed; nil: it is not.
func (c *Config) acmeDNS() (acm.DNS, error) {
	switch {
	case c.ACMEHook != "":
		return acm.Hook{Path: c.ACMEHook}, nil
	case c.ACMEServer == "":
		return nil, nil
	case c.ACMEKey == "":
		return acm.Updater{Server: c.ACMEServer}, nil
	}
	text, err := os.ReadFile(c.ACMEKey)
	if err != nil {
		return nil, err
	}
	f := strings.Fields(string(text))
	if len(f) != 3 {
		return nil, fmt.Errorf("%s has not three words: the key's name, its algorithm such as hmac-sha256, and its secret in base64", c.ACMEKey)
	}
	return acm.Updater{Server: c.ACMEServer, KeyName: f[0], Algorithm: f[1], Secret: cloister.Secret(f[2])}, nil
}

// issuer gets certificates, by the account that this installation has with the ACME server; nil: it gets none.
func (c *Config) issuer(ctx context.Context, s *store.Store, log *slog.Logger) (control.Issuer, error) {
	if c.ACMEDirectory == "" {
		return nil, nil
	}
	fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(fresh)
	if err != nil {
		return nil, err
	}
	if der, err = s.Kept(ctx, "acme account", der); err != nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("the key of the account at the ACME server: %w", err)
	}
	roots, err := c.acmeRoots()
	if err != nil {
		return nil, err
	}
	dns, err := c.acmeDNS()
	if err != nil {
		return nil, err
	}
	return acm.New(acm.Config{Directory: c.ACMEDirectory, Email: c.ACMEEmail, Roots: roots, Key: key, DNS: dns}, log), nil
}
