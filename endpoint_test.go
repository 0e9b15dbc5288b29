package cloister

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

var certNow = time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)

// A signer is a certificate authority, or a leaf that signs itself.
type signer struct {
	cert *x509.Certificate
	key  crypto.Signer
	pem  string
}

func (s signer) keyPEM(t *testing.T) Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// issue makes a certificate, signed by parent or, if that is nil, by itself.
func issue(t *testing.T, parent *signer, name string, change func(*x509.Certificate)) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issueFor(t, parent, name, key, change)
}

func issueFor(t *testing.T, parent *signer, name string, key crypto.Signer, change func(*x509.Certificate)) signer {
	t.Helper()
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	x := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: certNow.Add(-time.Hour), NotAfter: certNow.Add(90 * 24 * time.Hour), BasicConstraintsValid: true}
	if change != nil {
		change(x)
	}
	signing := signer{cert: x, key: key}
	if parent != nil {
		signing = *parent
	}
	der, err := x509.CreateCertificate(rand.Reader, x, signing.cert, key.Public(), signing.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signer{cert, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

func authority(x *x509.Certificate) { x.IsCA, x.KeyUsage = true, x509.KeyUsageCertSign }

func site(names ...string) func(*x509.Certificate) {
	return func(x *x509.Certificate) { x.DNSNames = names }
}

func TestACertificateIsServedInOrder(t *testing.T) {
	root := issue(t, nil, "Root", authority)
	between := issue(t, &root, "Between", authority)
	leaf := issue(t, &between, "www.example.com", site("www.example.com", "*.Shop.example.com"))
	other := issue(t, nil, "Other", authority)
	roots := x509.NewCertPool()
	roots.AddCert(root.cert)
	right := leaf.pem + between.pem
	for name, test := range map[string]struct {
		chain    string
		served   string
		whole    bool
		warnings []string
	}{
		"as it should be":   {right, right, true, nil},
		"with its root":     {right + root.pem, right, true, nil},
		"in another order":  {between.pem + leaf.pem, right, true, []string{"not the first of its chain"}},
		"without the chain": {leaf.pem, leaf.pem, false, []string{"Append the certificate of Between"}},
		"with another one":  {right + other.pem, right, true, []string{"do not belong to the chain"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ReadCertificate(test.chain, leaf.keyPEM(t), certNow, roots)
			if err != nil {
				t.Fatal(err)
			}
			if string(c.Served) != test.served || c.Whole != test.whole || c.SelfSigned || len(c.Warnings) != len(test.warnings) {
				t.Errorf("served %d bytes, whole %v, warned %q", len(c.Served), c.Whole, c.Warnings)
			}
			for i, w := range test.warnings {
				if i < len(c.Warnings) && !strings.Contains(c.Warnings[i], w) {
					t.Errorf("warned %q, want %q", c.Warnings[i], w)
				}
			}
			if !c.Covers("www.example.com") || !c.Covers("a.shop.example.com") || c.Covers("a.b.shop.example.com") || c.Covers("shop.example.com") || c.Covers("example.com") {
				t.Errorf("it is for %q", c.Names)
			}
		})
	}
	e := Endpoint{Served: right, Key: leaf.keyPEM(t)}
	x, err := e.Leaf()
	if err != nil || !x.Equal(leaf.cert) || !bytes.Equal(e.Certificate([]string{"www.example.com"}).Chain, []byte(right)) {
		t.Errorf("the endpoint's certificate is %v, %v", x, err)
	}
}

func TestCertificatesWithSomethingToKnow(t *testing.T) {
	self := issue(t, nil, "www.example.com", site("www.example.com"))
	soon := issue(t, nil, "www.example.com", func(x *x509.Certificate) {
		x.DNSNames, x.NotAfter = []string{"www.example.com"}, certNow.Add(24*time.Hour)
	})
	c, err := ReadCertificate(self.pem, self.keyPEM(t), certNow, nil)
	if err != nil || !c.SelfSigned || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "signed by itself") || string(c.Served) != self.pem {
		t.Errorf("signed by itself: %+v, %v", c.Warnings, err)
	}
	if c, err := ReadCertificate(soon.pem, soon.keyPEM(t), certNow, nil); err != nil || len(c.Warnings) != 2 || !strings.Contains(c.Warnings[1], "expires on 2026-03-30") {
		t.Errorf("about to expire: %q, %v", c.Warnings, err)
	}
	early := issue(t, &self, "early", func(x *x509.Certificate) { x.DNSNames, x.NotBefore = []string{"a.example.com"}, certNow.Add(time.Hour) })
	if c, err := ReadCertificate(early.pem, early.keyPEM(t), certNow, nil); err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "begins on 2026-03-29") {
		t.Errorf("not yet: %q, %v", c.Warnings, err)
	}
}

func TestCertificatesThatCanNotBeUsed(t *testing.T) {
	good := issue(t, nil, "www.example.com", site("www.example.com"))
	other := issue(t, nil, "www.example.com", site("www.example.com"))
	over := issue(t, nil, "www.example.com", func(x *x509.Certificate) { x.DNSNames, x.NotAfter = []string{"www.example.com"}, certNow })
	bare := issue(t, nil, "www.example.com", nil)
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := issueFor(t, nil, "www.example.com", weakKey, site("www.example.com"))
	key := good.keyPEM(t)
	block := func(kind string, headers map[string]string, b string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: []byte(b)}))
	}
	for name, test := range map[string]struct {
		chain string
		key   Secret
		want  string
	}{
		"no PEM":               {"MIIB", key, "The certificate is not PEM."},
		"nothing":              {"", key, "The certificate is not PEM."},
		"no key":               {good.pem, "", "The key is not PEM."},
		"another key":          {good.pem, other.keyPEM(t), "The key does not belong to the certificate."},
		"expired":              {over.pem, over.keyPEM(t), "The certificate expired on 2026-03-29."},
		"for no name":          {bare.pem, bare.keyPEM(t), "no subject alternative names"},
		"a weak key":           {weak.pem, weak.keyPEM(t), "The key has 1024 bits. RSA keys here have 2048 to 8192."},
		"an encrypted key":     {good.pem, Secret(block("ENCRYPTED PRIVATE KEY", nil, "x")), "openssl pkey"},
		"encrypted as of old":  {good.pem, Secret(block("RSA PRIVATE KEY", map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,0"}, "x")), "encrypted with a passphrase"},
		"a key among them":     {good.pem + key.Reveal(), key, "There is a private key among the certificates."},
		"a certificate as key": {good.pem, Secret(good.pem), "The key is a certificate."},
		"garbage":              {block("CERTIFICATE", nil, "x"), key, "Certificate 1 cannot be read"},
		"a garbled key":        {good.pem, Secret(block("PRIVATE KEY", nil, "x")), "The key cannot be read"},
		"too many":             {strings.Repeat(good.pem, 11), key, "There are more than 10 certificates."},
		"5 MB":                 {strings.Repeat(good.pem, 5<<20/len(good.pem)), key, "has at most 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ReadCertificate(test.chain, test.key, certNow, nil)
			if KindOf(err) != Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if c.Leaf != nil && err == nil {
				t.Error("and it was taken")
			}
		})
	}
}

func TestKeysOfAllForms(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e := issue(t, nil, "www.example.com", site("www.example.com"))
	ec, err := x509.MarshalECPrivateKey(e.key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for name, test := range map[string]struct {
		s   signer
		key string
	}{
		"RSA, PKCS 1":         {issueFor(t, nil, "x", r, site("www.example.com")), encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r))},
		"Ed25519":             {issueFor(t, nil, "x", ed, site("www.example.com")), ""},
		"EC, with parameters": {e, encode("EC PARAMETERS", []byte{6, 8}) + encode("EC PRIVATE KEY", ec)},
	} {
		if test.key == "" {
			test.key = test.s.keyPEM(t).Reveal()
		}
		if _, err := ReadCertificate(test.s.pem, Secret(test.key), certNow, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
