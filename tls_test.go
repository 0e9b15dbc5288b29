package cloister_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestProfilesOfTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		features map[string]bool
		want     cloister.TLSProfile
	}{
		{nil, cloister.TLSStrict},
		{map[string]bool{cloister.StrictTLS: true}, cloister.TLSStrict},
		{map[string]bool{cloister.StrictTLS: false}, cloister.TLSLegacy},
		{map[string]bool{cloister.ModernTLS: true}, cloister.TLSModern},
		{map[string]bool{cloister.ModernTLS: true, cloister.StrictTLS: false}, cloister.TLSModern},
	} {
		if got := (cloister.App{Features: c.features}).TLS(); got != c.want {
			t.Errorf("%v: %q, want %q", c.features, got, c.want)
		}
	}
}

func TestAuthoritiesAreRead(t *testing.T) {
	t.Parallel()
	now := time.Now()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(change func(*x509.Certificate)) string {
		x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "machines"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
		change(x)
		der, err := x509.CreateCertificate(rand.Reader, x, x, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	good := issue(func(*x509.Certificate) {})
	got, err := cloister.ReadAuthorities("words\n"+good+"and more\n"+good, now)
	if err != nil || got != good+good {
		t.Errorf("got %q, %v", got, err)
	}
	if all, err := (cloister.Domain{Clients: got}).Authorities(); err != nil || len(all) != 2 || all[0].Subject.CommonName != "machines" {
		t.Errorf("they are %v, %v", all, err)
	}
	if all, err := (cloister.Domain{}).Authorities(); err != nil || len(all) != 0 {
		t.Errorf("without: %v, %v", all, err)
	}
	for text, want := range map[string]string{
		"": "not PEM",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n":               "cannot be read",
		issue(func(x *x509.Certificate) { x.IsCA = false; x.KeyUsage = 0 }):            "none of an authority",
		issue(func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageCRLSign }):         "not for signing",
		good + issue(func(x *x509.Certificate) { x.NotAfter = now.Add(-time.Second) }): "Certificate 2, of CN=machines, expired on",
		strings.Repeat(good, 11):    "more than 10",
		strings.Repeat("x", 70_000): "at most 65536 bytes",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": "There is a private key among",
	} {
		if _, err := cloister.ReadAuthorities(text, now); cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}
