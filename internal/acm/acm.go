// Package acm gets certificates from an ACME server (RFC 8555): it orders one for one name, has somebody else show the server
// what it wants to see, and says in words what went wrong. It keeps nothing; what was got, and when to try again, is the work
// loop's business.
package acm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/cloister-dev/cloister"
)

// Config says which server, and who we are there.
type Config struct {
	Directory string         // the server's address
	Email     string         // that the server tells of trouble; may be ""
	Roots     *x509.CertPool // that the server itself is trusted by; nil: the machine's
	Key       crypto.Signer  // of our account there: with the same key it is the same account
	DNS       DNS            // nil: names are not proven by the DNS, and there are no certificates for wildcards
}

// DNS puts text records where certificate authorities look for them.
type DNS interface {
	// Put adds a TXT record, and returns when the authoritative servers have it.
	Put(ctx context.Context, name, text string) error
	// Drop removes it.
	Drop(ctx context.Context, name, text string) error
}

// A Stage shows certificate authorities what they want to see.
type Stage interface {
	// Show has all routers answer as a challenge says, and returns when they do.
	Show(ctx context.Context, c cloister.Challenge) error
	// Hide ends the challenges of a name.
	Hide(host string)
}

// An Issuer gets certificates.
type Issuer struct {
	config Config
	client *acme.Client

	mu      sync.Mutex
	account *acme.Account // once the server has told it
}

// pollPatience is how long the server may take to look at a challenge, and to sign.
const pollPatience = 40 * time.Second

// New returns an issuer. The server need not be there yet.
func New(c Config, log *slog.Logger) *Issuer {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots}
	return &Issuer{config: c, client: &acme.Client{Directory: c.Directory, UserAgent: "cloister", PollTimeout: pollPatience, PollInterval: 250 * time.Millisecond,
		HTTPClient: &http.Client{Timeout: 15 * time.Second, Transport: transport}, Logger: log}}
}

// A Failure is why there is no certificate.
type Failure struct {
	Reason string        // for the owner of the name
	Wait   time.Duration // at least, before it is tried again
	Final  bool          // trying again changes nothing
	cause  error
}

func (f *Failure) Error() string { return f.Reason }
func (f *Failure) Unwrap() error { return f.cause }

// Obtain gets a certificate for a name. It is a *Failure if that did not work.
func (i *Issuer) Obtain(ctx context.Context, host string, stage Stage) (chain string, key cloister.Secret, err error) {
	account, err := i.register(ctx)
	if err != nil {
		return "", "", explain(host, err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	client := acmez.Client{Client: i.client, ChallengeSolvers: i.solvers(host, stage)}
	if len(client.ChallengeSolvers) == 0 {
		return "", "", &Failure{Reason: "A certificate for " + host + " takes a proof by the DNS, which this installation is not set up for (acme_dns_hook). Add one for it by hand: `certs:add`.", Final: true}
	}
	if stage != nil {
		defer stage.Hide(host)
	}
	got, err := client.ObtainCertificateForSANs(ctx, account, private, []string{host})
	if err != nil {
		if p := (acme.Problem{}); errors.As(err, &p) && p.Type == acme.ProblemTypeAccountDoesNotExist {
			i.forget()
		}
		return "", "", explain(host, err)
	}
	if len(got) == 0 {
		return "", "", &Failure{Reason: "The certificate authority has signed, and sent nothing.", Wait: time.Hour}
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	return string(got[0].ChainPEM), cloister.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// register finds our account, or makes it.
func (i *Issuer) register(ctx context.Context) (acme.Account, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.account != nil {
		return *i.account, nil
	}
	a := acme.Account{TermsOfServiceAgreed: true, PrivateKey: i.config.Key}
	if i.config.Email != "" {
		a.Contact = []string{"mailto:" + i.config.Email}
	}
	a, err := i.client.NewAccount(ctx, a)
	if err == nil {
		i.account = &a
	}
	return a, err
}

// forget asks for our account again, which the server may have lost.
func (i *Issuer) forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.account = nil
}

// solvers are the ways in which a name can be proven: a wildcard by the DNS alone.
func (i *Issuer) solvers(host string, stage Stage) map[string]acmez.Solver {
	out := map[string]acmez.Solver{}
	if i.config.DNS != nil {
		out[acme.ChallengeTypeDNS01] = byDNS{i.config.DNS}
	}
	if !strings.HasPrefix(host, "*.") && stage != nil {
		out[acme.ChallengeTypeHTTP01] = onStage{host, stage, func(c acme.Challenge) (cloister.Challenge, error) {
			return cloister.Challenge{Host: host, Token: c.Token, Text: c.KeyAuthorization}, nil
		}}
		out[acme.ChallengeTypeTLSALPN01] = onStage{host, stage, func(c acme.Challenge) (cloister.Challenge, error) {
			cert, err := inTLS(c)
			return cloister.Challenge{Host: host, Certificate: cert}, err
		}}
	}
	return out
}

func inTLS(c acme.Challenge) (cloister.Certificate, error) {
	pair, err := acmez.TLSALPN01ChallengeCert(c)
	if err != nil {
		return cloister.Certificate{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return cloister.Certificate{}, err
	}
	return cloister.Certificate{Names: []string{c.Identifier.Value}, Chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}, nil
}

// onStage shows a challenge to whoever asks a router.
type onStage struct {
	host  string
	stage Stage
	made  func(acme.Challenge) (cloister.Challenge, error)
}

func (s onStage) Present(context.Context, acme.Challenge) error { return nil } // Wait does: it may take its time

func (s onStage) Wait(ctx context.Context, c acme.Challenge) error {
	made, err := s.made(c)
	if err != nil {
		return err
	}
	return s.stage.Show(ctx, made)
}

func (s onStage) CleanUp(context.Context, acme.Challenge) error {
	s.stage.Hide(s.host)
	return nil
}

// byDNS shows a challenge in the DNS.
type byDNS struct{ dns DNS }

func (s byDNS) Present(context.Context, acme.Challenge) error { return nil }

func (s byDNS) Wait(ctx context.Context, c acme.Challenge) error {
	return s.dns.Put(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
}

func (s byDNS) CleanUp(ctx context.Context, c acme.Challenge) error {
	return s.dns.Drop(context.WithoutCancel(ctx), c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
}

// explain says why there is no certificate.
func explain(host string, err error) error {
	var p acme.Problem
	if !errors.As(err, &p) {
		return &Failure{Reason: "The certificate authority does not answer as it should. It is asked again.", Wait: time.Minute, cause: err}
	}
	for len(p.Subproblems) == 1 && p.Subproblems[0].Detail != "" {
		p = p.Subproblems[0].Problem
	}
	detail := strings.TrimSuffix(cloister.Words(p.Detail, 300), ".")
	f := &Failure{cause: err, Wait: time.Minute}
	switch strings.TrimPrefix(p.Type, acme.ProblemTypeNamespace) {
	case "rateLimited":
		f.Reason, f.Wait = "The certificate authority has signed enough for now: "+detail+".", time.Hour
	case "rejectedIdentifier", "unsupportedIdentifier":
		f.Reason, f.Final = "The certificate authority signs nothing for "+host+": "+detail+".", true
	case "caa":
		f.Reason = "A CAA record in the DNS of " + host + " forbids the certificate authority to sign: " + detail + "."
	case "dns":
		f.Reason = "The DNS does not know " + host + ": " + detail + ". Add the record that `domains` shows."
	case "connection", "tls":
		f.Reason = "The certificate authority could not reach " + host + ": " + detail + ". Its DNS record must lead here, and ports 80 and 443 must be open to it."
	case "unauthorized", "incorrectResponse":
		f.Reason = "Whoever answered at " + host + " was not this server: " + detail + ". Look where its DNS records lead, AAAA included."
	case "serverInternal":
		f.Reason = "The certificate authority has trouble of its own: " + detail + ". It is asked again."
	case "accountDoesNotExist":
		f.Reason = "The certificate authority has forgotten us. It is told again."
	default:
		f.Reason = fmt.Sprintf("The certificate authority did not sign: %s.", detail)
	}
	return f
}
