package addon

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/cloister-dev/cloister"
)

// lifetime is how long authorities and certificates of add-ons are good for: longer than an add-on is.
const lifetime = 20 * 365 * 24 * time.Hour

// A Pair is a certificate and its private key, each in PEM; the key is in PKCS #8.
type Pair struct {
	Certificate cloister.Secret
	Key         cloister.Secret
}

// NewAuthority makes a certificate authority of that name, which nobody else trusts.
func NewAuthority(name string, now time.Time) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make a key: %w", err)
	}
	return certify(nil, key, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
	})
}

// Issue makes a certificate of an authority, by which a server or a client says that it is subject: a server that
// answers at the given names, a client if there are none.
func (authority Pair) Issue(subject string, names []string, now time.Time) (Pair, error) {
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(names) > 0 {
		usage = append(usage, x509.ExtKeyUsageServerAuth) // servers of an add-on are each other's clients
	}
	signer, err := authority.TLS()
	if err != nil {
		return Pair{}, fmt.Errorf("read an authority: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make a key: %w", err)
	}
	return certify(&signer, key, &x509.Certificate{
		Subject: pkix.Name{CommonName: subject}, DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage,
		BasicConstraintsValid: true, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
	})
}

// Derive makes a client's certificate of a secret, always the same one, so that the secret is all that has to be kept. It is
// good for as long as the authority.
func (authority Pair) Derive(subject string, of cloister.Secret) (Pair, error) {
	signer, err := authority.TLS()
	if err != nil {
		return Pair{}, fmt.Errorf("read an authority: %w", err)
	}
	var key *ecdsa.PrivateKey
	for n := 0; key == nil; n++ { // not every number of 256 bits is a key, but all but one in four thousand million are
		raw, err := hkdf.Key(sha256.New, []byte(of.Reveal()), nil, fmt.Sprintf("certificate of %s %d", subject, n), 32)
		if err != nil {
			return Pair{}, fmt.Errorf("derive a key: %w", err)
		}
		key, _ = ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	}
	serial := sha256.Sum256([]byte(subject))
	return certify(&signer, key, &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:15]),
		Subject:      pkix.Name{CommonName: subject}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, NotBefore: signer.Leaf.NotBefore, NotAfter: signer.Leaf.NotAfter,
	})
}

// TLS is the pair as crypto/tls wants it.
func (p Pair) TLS() (tls.Certificate, error) {
	return tls.X509KeyPair([]byte(p.Certificate.Reveal()), []byte(p.Key.Reveal()))
}

// certify makes a certificate for a key; without a signer it signs itself. Signatures are the same for the same
// certificate (RFC 6979), and serial numbers random where there is none.
func certify(signer *tls.Certificate, key *ecdsa.PrivateKey, c *x509.Certificate) (Pair, error) {
	if c.SerialNumber == nil {
		serial := make([]byte, 15)
		rand.Read(serial) // never fails since Go 1.24
		c.SerialNumber = new(big.Int).SetBytes(serial)
	}
	parent, with := c, crypto.PrivateKey(key)
	if signer != nil {
		parent, with = signer.Leaf, signer.PrivateKey
	}
	der, err := x509.CreateCertificate(nil, c, parent, &key.PublicKey, with)
	if err != nil {
		return Pair{}, fmt.Errorf("make a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("write a key: %w", err)
	}
	return Pair{
		Certificate: cloister.Secret(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Key:         cloister.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
	}, nil
}
