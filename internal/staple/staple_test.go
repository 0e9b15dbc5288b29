package staple_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/staple"
)

// An authority signs certificates, and what it says of them.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

// endpoint has a certificate that is to be asked about at a place.
func (a authority) endpoint(t *testing.T, at string) cloister.Endpoint {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(7), DNSNames: []string{"www.example.com"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	if at != "" {
		form.OCSPServer = []string{at}
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	var chain bytes.Buffer
	for _, one := range [][]byte{der, a.cert.Raw} {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: one})
	}
	return cloister.Endpoint{Served: chain.String()}
}

func (a authority) say(t *testing.T, r ocsp.Response) []byte {
	t.Helper()
	said, err := ocsp.CreateResponse(a.cert, a.cert, r, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return said
}

func TestAnAuthorityIsAsked(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	now := time.Now().Truncate(time.Minute)
	good := ocsp.Response{Status: ocsp.Good, SerialNumber: big.NewInt(7), ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)}
	with := func(change func(*ocsp.Response)) ocsp.Response {
		r := good
		change(&r)
		return r
	}
	for _, c := range []struct {
		what    string
		status  int
		answer  []byte
		revoked bool
		err     string
	}{
		{"good", 200, ours.say(t, good), false, ""},
		{"revoked", 200, ours.say(t, with(func(r *ocsp.Response) { r.Status, r.RevokedAt = ocsp.Revoked, now })), true, ""},
		{"unknown", 200, ours.say(t, with(func(r *ocsp.Response) { r.Status = ocsp.Unknown })), false, "does not know the certificate"},
		{"about another", 200, ours.say(t, with(func(r *ocsp.Response) { r.SerialNumber = big.NewInt(8) })), false, "no response matching"},
		{"said by another", 200, others.say(t, good), false, "signature"},
		{"old", 200, ours.say(t, with(func(r *ocsp.Response) { r.NextUpdate = now.Add(-time.Minute) })), false, "ended on"},
		{"early", 200, ours.say(t, with(func(r *ocsp.Response) { r.ThisUpdate = now.Add(2 * time.Hour) })), false, "begins on"},
		{"nonsense", 200, []byte("nonsense"), false, "asn1"},
		{"too long", 200, make([]byte, 70_000), false, "longer than"},
		{"not there", 404, nil, false, "404"},
		{"elsewhere", 302, nil, false, "302"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				question, err := ocsp.ParseRequest(body)
				if err != nil || question.SerialNumber.Int64() != 7 || r.Header.Get("Content-Type") != "application/ocsp-request" {
					t.Errorf("asked %+v, %v", question, err)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				w.Write(c.answer)
			}))
			defer server.Close()
			r, ok := ours.endpoint(t, server.URL).Responder()
			if !ok || r.URL != server.URL {
				t.Fatalf("responder %+v", r)
			}
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			got, err := staple.Asker{Client: client}.Ask(t.Context(), r)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || got.Revoked != c.revoked || !bytes.Equal(got.Text, c.answer) || !got.Until.Equal(good.NextUpdate) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestNobodyIsAskedWhereThereIsNoResponder(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	alone := ours.endpoint(t, "http://ocsp.example.com")
	alone.Served = alone.Served[:strings.Index(alone.Served, "-----END")+len("-----END CERTIFICATE-----\n")]
	for what, e := range map[string]cloister.Endpoint{"no responder": ours.endpoint(t, ""), "no issuer": alone, "nothing": {}} {
		if r, ok := e.Responder(); ok {
			t.Errorf("%s: %+v", what, r)
		}
	}
}
