package server

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

var loopbacks = []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}

func open(t *testing.T, dir string, now time.Time, domains ...string) *authority {
	t.Helper()
	a, err := openAuthority(dir, filepath.Join(dir, "ca.pem"), domains, loopbacks, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// verify checks a certificate as a browser does that trusts the authority and nobody else.
func verify(t *testing.T, ca []byte, cert cloister.Certificate, name string, now time.Time) error {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatal("the authority's certificate is no PEM")
	}
	block, _ := pem.Decode(cert.Chain)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	_, err = leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now})
	return err
}

func TestAuthorityIsMadeOnceAndUsedAgain(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first := open(t, dir, now, "localhost", "apps.example")
	again := open(t, dir, now.Add(24*time.Hour), "localhost", "apps.example")
	if !bytes.Equal(first.pem, again.pem) {
		t.Error("a second start makes another authority")
	}
	if fewer := open(t, dir, now, "localhost"); !bytes.Equal(first.pem, fewer.pem) {
		t.Error("a name less makes another authority")
	}
	if info, err := os.Stat(filepath.Join(dir, "ca-key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v %v", info.Mode(), err)
	}
	if public, _ := os.ReadFile(filepath.Join(dir, "ca.pem")); !bytes.Equal(public, first.pem) || bytes.Contains(public, []byte("PRIVATE")) {
		t.Error("what everybody may read is not just the certificate")
	}
}

func TestPublicCertificateIsRestored(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, time.Now(), "localhost")
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, dir, time.Now(), "localhost")
	if public, _ := os.ReadFile(filepath.Join(dir, "ca.pem")); !bytes.Equal(public, a.pem) {
		t.Error("an emptied certificate stays empty")
	}
}

func TestCertificatesAreGoodForTheirNamesOnly(t *testing.T) {
	now := time.Now()
	a := open(t, t.TempDir(), now, "localhost", "apps.example")
	api, err := a.issue(now, "localhost", "127.0.0.1", "::1")
	if err != nil {
		t.Fatal(err)
	}
	apps, err := a.issue(now, "*.apps.example", "apps.example")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := a.issue(now, "bank.example", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	outside, err := a.issue(now, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cert cloister.Certificate
		name string
		good bool
	}{
		{api, "localhost", true}, {api, "127.0.0.1", true}, {api, "::1", true}, {api, "other.example", false},
		{apps, "hello-0123.apps.example", true}, {apps, "apps.example", true}, {apps, "a.b.apps.example", false},
		// Trusting the authority gives it no power over other names: its constraints are in its certificate.
		{foreign, "bank.example", false}, {foreign, "localhost", false}, {outside, "192.0.2.1", false},
	} {
		if err := verify(t, a.pem, c.cert, c.name, now); (err == nil) != c.good {
			t.Errorf("%v for %s: %v", c.cert.Names, c.name, err)
		}
	}
	if err := verify(t, a.pem, api, "localhost", now.Add(398*24*time.Hour)); err == nil {
		t.Error("a certificate outlives what browsers accept")
	}
}

func TestNewHostNameMakesANewAuthorityAndKeepsTheOldOne(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first := open(t, dir, now, "localhost")
	second := open(t, dir, now, "localhost", "cloister.example")
	if bytes.Equal(first.pem, second.pem) {
		t.Fatal("the authority may not sign for the new name")
	}
	if !second.permits([]string{"localhost", "cloister.example", "sub.cloister.example"}, loopbacks) {
		t.Error("the new authority may not sign for its names")
	}
	if second.permits([]string{"notcloister.example"}, nil) || second.permits(nil, []net.IP{net.IPv4(192, 0, 2, 1).To4()}) {
		t.Error("the new authority may sign for others")
	}
	old, err := os.ReadFile(filepath.Join(dir, "ca-key.pem.old"))
	if err != nil || !bytes.Contains(old, first.pem) {
		t.Errorf("the old authority was not kept: %v", err)
	}
}

func TestAuthorityThatEndsSoonIsReplacedAndOutlivedByNothing(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first := open(t, dir, now, "localhost")
	late := now.Add(authorityLife - leafLife/2)
	cert, err := first.issue(late, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(cert.Chain)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if leaf.NotAfter.After(first.cert.NotAfter) {
		t.Errorf("a certificate until %s of an authority until %s", leaf.NotAfter, first.cert.NotAfter)
	}
	if second := open(t, dir, late, "localhost"); bytes.Equal(first.pem, second.pem) {
		t.Error("an authority is kept that will end before what it signs")
	}
}

func TestSpoiltAuthorityIsNotReplacedInSilence(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, time.Now(), "localhost")
	for _, text := range []string{"", "garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if err := os.WriteFile(filepath.Join(dir, "ca-key.pem"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openAuthority(dir, filepath.Join(dir, "ca.pem"), []string{"localhost"}, loopbacks, time.Now()); err == nil {
			t.Errorf("an authority was made of %q", text)
		}
	}
}
