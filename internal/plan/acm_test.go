package plan_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
)

var acmNow = time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)

// lasting is an endpoint whose certificate began and ends so long from now.
func lasting(t *testing.T, id string, acm bool, from, to time.Duration) cloister.Endpoint {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: acmNow.Add(from), NotAfter: acmNow.Add(to)}
	der, err := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return cloister.Endpoint{ID: id, ACM: acm, Served: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

func TestWhichCertificateIsNext(t *testing.T) {
	const day = 24 * time.Hour
	fresh, old := lasting(t, "fresh", true, -day, 89*day), lasting(t, "old", true, -61*day, 29*day)
	own := lasting(t, "own", false, -89*day, day)
	bare, has, due, by := cloister.Domain{ID: "bare"}, cloister.Domain{ID: "has", EndpointID: "fresh"}, cloister.Domain{ID: "due", EndpointID: "old"}, cloister.Domain{ID: "by", EndpointID: "own", ACMStatus: "failing"}
	later, sooner := cloister.Domain{ID: "later", ACMNext: acmNow.Add(time.Hour)}, cloister.Domain{ID: "sooner", ACMNext: acmNow.Add(time.Minute)}
	tired := due
	tired.ACMNext = acmNow.Add(time.Hour)
	for name, test := range map[string]struct {
		domains   []cloister.Domain
		endpoints []cloister.Endpoint
		obtain    string
		again     time.Duration
		idle      int
		drop      int
	}{
		"nothing":                    {},
		"one that has none":          {domains: []cloister.Domain{bare}, obtain: "bare"},
		"one that has one":           {domains: []cloister.Domain{has}, endpoints: []cloister.Endpoint{fresh}, again: 59 * day},
		"one in its third third":     {domains: []cloister.Domain{has, due}, endpoints: []cloister.Endpoint{fresh, old}, obtain: "due"},
		"one that failed":            {domains: []cloister.Domain{later}, again: time.Hour},
		"what failed sooner":         {domains: []cloister.Domain{later, sooner}, again: time.Minute},
		"one beside one that failed": {domains: []cloister.Domain{later, bare}, obtain: "bare"},
		"a renewal that failed":      {domains: []cloister.Domain{tired}, endpoints: []cloister.Endpoint{old}, again: time.Hour},
		"its owner's":                {domains: []cloister.Domain{by}, endpoints: []cloister.Endpoint{own, fresh}, idle: 1, drop: 1},
	} {
		p := plan.ACM(plan.ACMInput{Domains: test.domains, Endpoints: test.endpoints, Now: acmNow})
		if p.Obtain != test.obtain || p.Again != test.again || len(p.Idle) != test.idle || len(p.Drop) != test.drop {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestAFailedCertificateIsTriedLessAndLessOften(t *testing.T) {
	d := cloister.Domain{}
	var pauses []time.Duration
	for range 12 {
		d = plan.ACMFailed(d, "Why.", 0, false, acmNow)
		pauses = append(pauses, d.ACMNext.Sub(acmNow))
		if want := map[bool]string{false: "failing", true: "failed"}[d.ACMTries >= 6]; d.ACMStatus != want || d.ACMReason != "Why." {
			t.Errorf("after %d tries: %+v", d.ACMTries, d)
		}
	}
	if pauses[0] != time.Minute || pauses[3] != 8*time.Minute || pauses[9] != 512*time.Minute || pauses[10] != 12*time.Hour || pauses[11] != 12*time.Hour {
		t.Errorf("pauses %v", pauses)
	}
	if d := plan.ACMFailed(cloister.Domain{}, "Too many.", time.Hour, false, acmNow); d.ACMNext.Sub(acmNow) != time.Hour {
		t.Errorf("told to wait an hour: %+v", d)
	}
	if d := plan.ACMFailed(cloister.Domain{}, "Never.", 0, true, acmNow); d.ACMStatus != "failed" || d.ACMNext.Sub(acmNow) != 12*time.Hour {
		t.Errorf("final: %+v", d)
	}
}

func TestAShortCertificateIsNotRenewedAtOnce(t *testing.T) {
	e := lasting(t, "short", true, -time.Hour, time.Minute) // dated back by an hour
	e.UpdatedAt = acmNow
	leaf, err := e.Leaf()
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Renewal(leaf, e.UpdatedAt); !got.Equal(acmNow.Add(40 * time.Second)) {
		t.Errorf("renewed at %s", got)
	}
	if got := plan.Renewal(leaf, time.Time{}); !got.Before(acmNow) {
		t.Errorf("nobody knows since when: %s", got)
	}
}
