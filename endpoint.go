package cloister

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"regexp"
	"slices"
	"strings"
	"time"
)

// An Endpoint is a certificate of an app, with its key, that some of its domains are served with: Heroku's SNI endpoint.
type Endpoint struct {
	ID        string
	AppID     string
	Name      string // unique; "quiet-garth-12345"
	Label     string // that its owner has given it: Heroku's display_name; "": none
	Chain     string // PEM, to the byte as it was given
	Key       Secret // PEM
	Served    string // PEM: the part of Chain that clients get, in order
	ACM       bool   // got by the platform itself
	CreatedAt time.Time
	UpdatedAt time.Time

	// Written by control: what its authority says of the certificate, and when to ask again.
	Staple     Staple
	StapleNext time.Time
}

const (
	maxChain  = 64 << 10 // a chain of ten certificates with big keys
	leastRSA  = 2048
	mostRSA   = 8192 // more makes handshakes expensive for the router
	soonEnds  = 30 * 24 * time.Hour
	maxInside = 10 // certificates in a chain
)

var endpointLabel = regexp.MustCompile(`^[a-z][a-z0-9-]{1,28}[a-z0-9]$`)

// ValidEndpointLabel reports why s may not be the label of an endpoint, or nil.
func ValidEndpointLabel(s string) error {
	if s != "" && !endpointLabel.MatchString(s) {
		return Errorf(Invalid, "Display name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, and dashes; 3 to 30 characters.")
	}
	return nil
}

// A Certified is what there is to know of a certificate and its key.
type Certified struct {
	Leaf       *x509.Certificate
	Served     []byte   // PEM: the leaf first, then each issuer that was given; what does not belong is left out
	Names      []string // that it is for, lower case
	SelfSigned bool
	Whole      bool     // the chain ends at a root, or before one that is widely trusted
	Warnings   []string // what its owner should know

	end *x509.Certificate // of the chain, as far as it was given
}

// Covers reports whether it is for a host name.
func (c Certified) Covers(hostname string) bool {
	return slices.ContainsFunc(c.Names, func(n string) bool { return Covers(n, hostname) })
}

// IssuerAt is where the certificate is that the chain lacks next, as its last one says (RFC 5280, 4.2.2.1); "" if it lacks none, or
// nobody says.
func (c Certified) IssuerAt() string {
	if c.Whole || c.SelfSigned || c.end == nil || len(c.end.IssuingCertificateURL) == 0 {
		return ""
	}
	return c.end.IssuingCertificateURL[0]
}

// ReadCertificate reads a certificate with its key, as people upload them, in any order; what can not be used is Invalid, and
// the message says what to do. roots are those that clients trust; nil: the machine's.
func ReadCertificate(chain string, key Secret, now time.Time, roots *x509.CertPool) (c Certified, err error) {
	if len(chain) > maxChain || len(key) > maxChain {
		return c, Errorf(Invalid, "A certificate with its chain has at most %d bytes, and this has %d. Give the certificate and its intermediates alone.", maxChain, max(len(chain), len(key)))
	}
	private, err := readKey(key)
	if err != nil {
		return c, err
	}
	all, err := readChain(chain)
	if err != nil {
		return c, err
	}
	i := slices.IndexFunc(all, func(x *x509.Certificate) bool { return sameKey(x.PublicKey, private.Public()) })
	if i < 0 {
		return c, Errorf(Invalid, "The key does not belong to the certificate. Give the key that the certificate was requested with.")
	}
	c.Leaf = all[i]
	if !now.Before(c.Leaf.NotAfter) {
		return c, Errorf(Invalid, "The certificate expired on %s. Get another one.", c.Leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	for _, name := range c.Leaf.DNSNames {
		c.Names = append(c.Names, strings.ToLower(name))
	}
	if len(c.Names) == 0 {
		return c, Errorf(Invalid, "The certificate is for no host name: it has no subject alternative names, without which clients do not accept it.")
	}
	c.link(all, roots, now)
	if i > 0 {
		c.Warnings = append(c.Warnings, "The certificate is not the first of its chain. It is served in the right order.")
	}
	return c, nil
}

// link finds the issuers of the leaf, one after another, among what was given.
func (c *Certified) link(all []*x509.Certificate, roots *x509.CertPool, now time.Time) {
	linked := []*x509.Certificate{c.Leaf}
	for last := c.Leaf; len(linked) <= len(all); last = linked[len(linked)-1] {
		if c.SelfSigned = last == c.Leaf && bytes.Equal(last.RawIssuer, last.RawSubject); c.SelfSigned || bytes.Equal(last.RawIssuer, last.RawSubject) {
			break
		}
		i := slices.IndexFunc(all, func(x *x509.Certificate) bool {
			return !slices.Contains(linked, x) && bytes.Equal(x.RawSubject, last.RawIssuer) && last.CheckSignatureFrom(x) == nil
		})
		if i < 0 {
			break
		}
		linked = append(linked, all[i])
	}
	var served bytes.Buffer
	between := x509.NewCertPool()
	for i, x := range linked {
		if i > 0 && bytes.Equal(x.RawIssuer, x.RawSubject) {
			continue // clients have the root, or do not trust it
		}
		pem.Encode(&served, &pem.Block{Type: "CERTIFICATE", Bytes: x.Raw})
		if i > 0 {
			between.AddCert(x)
		}
	}
	c.Served, c.end = served.Bytes(), linked[len(linked)-1]
	_, err := c.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	c.Whole = err == nil
	switch {
	case c.SelfSigned:
		c.Warnings = append(c.Warnings, "The certificate is signed by itself: only clients that were told of it trust it.")
	case now.Before(c.Leaf.NotBefore):
		c.Warnings = append(c.Warnings, "The certificate begins on "+c.Leaf.NotBefore.UTC().Format(time.DateOnly)+": clients do not accept it before.")
	case !c.Whole && len(linked) == 1:
		c.Warnings = append(c.Warnings, "The chain of the certificate is missing: many clients do not trust it. Append the certificate of "+Words(c.Leaf.Issuer.CommonName, 100)+".")
	case !c.Whole:
		c.Warnings = append(c.Warnings, "The chain of the certificate ends at "+Words(linked[len(linked)-1].Issuer.CommonName, 100)+", which this server does not know: other clients may not trust it either.")
	}
	if len(linked) < len(all) {
		c.Warnings = append(c.Warnings, "Certificates were given that do not belong to the chain. They are not served.")
	}
	if left := c.Leaf.NotAfter.Sub(now); left < soonEnds {
		c.Warnings = append(c.Warnings, "The certificate expires on "+c.Leaf.NotAfter.UTC().Format(time.DateOnly)+".")
	}
}

func readChain(text string) (all []*x509.Certificate, err error) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if len(all) == 0 {
				return nil, Errorf(Invalid, "The certificate is not PEM. It begins with -----BEGIN CERTIFICATE-----; convert another form with `openssl x509 -inform der`.")
			}
			return all, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, Errorf(Invalid, "There is a %s among the certificates. Give the certificate and its intermediates alone, and the key by itself.", Words(strings.ToLower(block.Type), 40))
		}
		x, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, Errorf(Invalid, "Certificate %d cannot be read: %s.", len(all)+1, Words(err.Error(), 200))
		}
		if all = append(all, x); len(all) > maxInside {
			return nil, Errorf(Invalid, "There are more than %d certificates. Give the certificate and its intermediates alone.", maxInside)
		}
	}
}

func readKey(text Secret) (crypto.Signer, error) {
	var block *pem.Block
	for rest := []byte(text.Reveal()); ; {
		if block, rest = pem.Decode(rest); block == nil {
			return nil, Errorf(Invalid, "The key is not PEM. It begins with -----BEGIN PRIVATE KEY-----, or with a kind of key before PRIVATE.")
		}
		if block.Type != "EC PARAMETERS" { // which openssl writes before the key
			break
		}
	}
	if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
		return nil, Errorf(Invalid, "The key is encrypted with a passphrase, which nobody types when the router starts. Decrypt it first: `openssl pkey -in KEY -out PLAIN`.")
	}
	// The pair is looked at elsewhere: this only has to know all forms of keys.
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, Errorf(Invalid, "The key is a %s. It begins with -----BEGIN PRIVATE KEY-----, or with a kind of key before PRIVATE.", Words(strings.ToLower(block.Type), 40))
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if bits := k.N.BitLen(); bits < leastRSA || bits > mostRSA {
			return nil, Errorf(Invalid, "The key has %d bits. RSA keys here have %d to %d.", bits, leastRSA, mostRSA)
		}
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	if err == nil {
		return nil, Errorf(Invalid, "The key is of a kind that TLS does not know. Use ECDSA or RSA.")
	}
	return nil, Errorf(Invalid, "The key cannot be read: %s.", Words(err.Error(), 200))
}

func sameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// Leaf is the endpoint's certificate.
func (e Endpoint) Leaf() (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(e.Served))
	if block == nil {
		return nil, Errorf(Internal, "endpoint %s has no certificate", e.Name)
	}
	return x509.ParseCertificate(block.Bytes)
}

// Certificate is what the router serves names with.
func (e Endpoint) Certificate(names []string) Certificate {
	return Certificate{Names: names, Chain: []byte(e.Served), Key: []byte(e.Key.Reveal()), Staple: e.Staple.Text}.Summed()
}
