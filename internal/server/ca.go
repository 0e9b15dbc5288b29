package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
)

// An authority is the platform's own certificate authority: what makes TLS work from the first minute, on names that
// no public authority would sign. Its certificate is constrained to those names, so that trusting it costs little.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 397 * 24 * time.Hour // the longest that browsers accept
)

// openAuthority reads the authority from dir, or makes it there. public is where its certificate goes for everybody.
func openAuthority(dir, public string, domains []string, ips []net.IP, now time.Time) (*authority, error) {
	file := filepath.Join(dir, "ca-key.pem")
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		if data, err = newAuthority(domains, ips, now); err == nil {
			err = writeWhole(file, data, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	a, err := parseAuthority(data)
	if err != nil {
		return nil, fmt.Errorf("certificate authority %s: %w", file, err)
	}
	// The configuration has got another name, or the authority ends before what it would sign: only a new one can.
	if !a.permits(domains, ips) || a.cert.NotAfter.Before(now.Add(leafLife)) {
		if err := os.Rename(file, file+".old"); err != nil {
			return nil, fmt.Errorf("replace the certificate authority: %w", err)
		}
		return openAuthority(dir, public, domains, ips, now)
	}
	return a, a.tell(public)
}

// tell writes the certificate to where everybody can read it. The file is not ours to replace, only to fill, so it is
// left alone when it is right already: a full disk would leave it empty.
func (a *authority) tell(public string) error {
	if have, err := os.ReadFile(public); err == nil && bytes.Equal(have, a.pem) {
		return nil
	}
	if err := os.WriteFile(public, a.pem, 0o644); err != nil {
		return fmt.Errorf("tell the certificate of the authority: %w", err)
	}
	return nil
}

// permits reports whether the authority may sign for all of these.
func (a *authority) permits(domains []string, ips []net.IP) bool {
	for _, d := range domains {
		if !slices.ContainsFunc(a.cert.PermittedDNSDomains, func(p string) bool { return d == p || strings.HasSuffix(d, "."+p) }) {
			return false
		}
	}
	for _, ip := range ips {
		if !slices.ContainsFunc(a.cert.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) }) {
			return false
		}
	}
	return true
}

func newAuthority(domains []string, ips []net.IP, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Cloister " + cloister.NewID()[:8]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: domains,
	}
	for _, ip := range ips {
		bits := 8 * len(ip)
		t.PermittedIPRanges = append(t.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)})
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return encode(key, der)
}

func parseAuthority(data []byte) (*authority, error) {
	keyBlock, rest := pem.Decode(data)
	certBlock, _ := pem.Decode(rest)
	if keyBlock == nil || certBlock == nil {
		return nil, errors.New("holds no key and certificate")
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, err
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is not an ECDSA key")
	}
	return &authority{cert: cert, key: ec, pem: pem.EncodeToMemory(certBlock)}, nil
}

// issue makes a certificate for names, which may be wildcards or IP addresses.
func (a *authority) issue(now time.Time, names ...string) (cloister.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return cloister.Certificate{}, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if t.NotAfter.After(a.cert.NotAfter) {
		t.NotAfter = a.cert.NotAfter // nobody would believe it for longer
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return cloister.Certificate{}, fmt.Errorf("issue a certificate for %v: %w", names, err)
	}
	both, err := encode(key, der)
	if err != nil {
		return cloister.Certificate{}, err
	}
	keyBlock, chain := pem.Decode(both)
	return cloister.Certificate{Names: names, Chain: append(chain, a.pem...), Key: pem.EncodeToMemory(keyBlock)}, nil
}

func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return n
}

// encode writes a key and then a certificate as PEM.
func encode(key *ecdsa.PrivateKey, der []byte) ([]byte, error) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...), nil
}
