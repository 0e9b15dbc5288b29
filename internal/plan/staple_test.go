package plan_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
)

// asked is an endpoint whose authority has a responder.
func asked(t *testing.T) cloister.Endpoint {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"www.example.com"}, OCSPServer: []string{"http://ocsp.example.com"}, NotAfter: acmNow.Add(90 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, x, x, public, private)
	if err != nil {
		t.Fatal(err)
	}
	var chain bytes.Buffer
	for range 2 { // it stands for its issuer too: nobody looks here
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return cloister.Endpoint{ID: "e", Served: chain.String(), ACM: true, UpdatedAt: acmNow}
}

func TestAuthoritiesAreAskedInTime(t *testing.T) {
	t.Parallel()
	now := acmNow
	fresh := asked(t)
	good := cloister.Staple{Text: []byte("good"), From: now, Until: now.Add(10 * time.Hour)}
	for _, c := range []struct {
		what      string
		e         cloister.Endpoint
		ask, drop int
		again     time.Duration
	}{
		{"never asked", fresh, 1, 0, 0},
		{"asked", plan.Stapled(fresh, good, nil, now), 0, 0, 5 * time.Hour},
		{"asked, for long", plan.Stapled(fresh, cloister.Staple{Text: good.Text, Until: now.Add(240 * time.Hour)}, nil, now), 0, 0, 24 * time.Hour},
		{"asked, for a moment", plan.Stapled(fresh, cloister.Staple{Text: good.Text, Until: now.Add(time.Minute)}, nil, now), 0, 0, time.Minute},
		{"half of it is over", plan.Stapled(fresh, cloister.Staple{Text: good.Text, Until: now.Add(5 * time.Hour)}, nil, now.Add(-5*time.Hour)), 1, 0, 5 * time.Hour},
		{"no answer", plan.Stapled(fresh, cloister.Staple{}, errors.New("down"), now), 0, 0, time.Hour},
		{"no answer, the last one is good", plan.Stapled(plan.Stapled(fresh, good, nil, now), cloister.Staple{}, errors.New("down"), now), 0, 0, time.Hour},
		{"revoked", plan.Stapled(plan.Stapled(fresh, good, nil, now), cloister.Staple{Text: []byte("bad"), Revoked: true}, nil, now), 0, 0, 24 * time.Hour},
		{"nobody to ask", cloister.Endpoint{}, 0, 0, 0},
	} {
		p := plan.Staples([]cloister.Endpoint{c.e}, now)
		if len(p.Ask) != c.ask || len(p.Drop) != c.drop || p.Again != c.again {
			t.Errorf("%s: ask %d, drop %d, again in %v", c.what, len(p.Ask), len(p.Drop), p.Again)
		}
	}
	late := plan.Stapled(plan.Stapled(fresh, good, nil, now), cloister.Staple{}, errors.New("down"), now.Add(9*time.Hour+30*time.Minute))
	if p := plan.Staples([]cloister.Endpoint{late}, now.Add(10*time.Hour)); len(p.Drop) != 1 || len(p.Ask) != 0 || p.Again != 30*time.Minute {
		t.Errorf("over, before the next try: %+v", p)
	}
	if e := plan.Stapled(plan.Stapled(fresh, good, nil, now), cloister.Staple{Text: []byte("bad"), Revoked: true}, nil, now); !e.Staple.Revoked || e.Staple.Text != nil {
		t.Errorf("revoked: %+v", e.Staple)
	}
}

func TestARevokedCertificateIsGotAnew(t *testing.T) {
	t.Parallel()
	now := acmNow
	e := asked(t)
	in := plan.ACMInput{Domains: []cloister.Domain{{ID: "d", Hostname: "www.example.com", EndpointID: e.ID}}, Endpoints: []cloister.Endpoint{e}, Now: now}
	if p := plan.ACM(in); p.Obtain != "" {
		t.Errorf("it is good: %+v", p)
	}
	in.Endpoints[0].Staple.Revoked = true
	if p := plan.ACM(in); p.Obtain != "d" {
		t.Errorf("it is revoked: %+v", p)
	}
}
