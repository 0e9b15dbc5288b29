package addon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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
	return certify(nil, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}, now)
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
	return certify(&signer, &x509.Certificate{
		Subject: pkix.Name{CommonName: subject}, DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage, BasicConstraintsValid: true,
	}, now)
}

// TLS is the pair as crypto/tls wants it.
func (p Pair) TLS() (tls.Certificate, error) {
	return tls.X509KeyPair([]byte(p.Certificate.Reveal()), []byte(p.Key.Reveal()))
}

// certify makes a key and a certificate for it; without a signer it signs itself.
func certify(signer *tls.Certificate, c *x509.Certificate, now time.Time) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make a key: %w", err)
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return Pair{}, fmt.Errorf("make a serial number: %w", err)
	}
	c.NotBefore, c.NotAfter = now.Add(-time.Hour), now.Add(lifetime)
	parent, with := c, any(key)
	if signer != nil {
		parent, with = signer.Leaf, signer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, with)
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
