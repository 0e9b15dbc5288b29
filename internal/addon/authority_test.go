package addon

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestAuthorityStandsForItsOwnAlone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	one, two := authority(t, now), authority(t, now)
	server := issue(t, one, []string{"a.data.localspace"}, now)
	client := issue(t, one, nil, now)
	for _, test := range []struct {
		name  string
		of    Pair
		by    Pair
		as    x509.ExtKeyUsage
		host  string
		after time.Duration
		good  bool
	}{
		{"a server", server, one, x509.ExtKeyUsageServerAuth, "a.data.localspace", 0, true},
		{"a server, much later", server, one, x509.ExtKeyUsageServerAuth, "a.data.localspace", 19 * 365 * 24 * time.Hour, true},
		{"a server as another's client", server, one, x509.ExtKeyUsageClientAuth, "", 0, true},
		{"a server under another name", server, one, x509.ExtKeyUsageServerAuth, "b.data.localspace", 0, false},
		{"of another authority", server, two, x509.ExtKeyUsageServerAuth, "a.data.localspace", 0, false},
		{"a client", client, one, x509.ExtKeyUsageClientAuth, "", 0, true},
		{"a client as a server", client, one, x509.ExtKeyUsageServerAuth, "", 0, false},
	} {
		_, err := leaf(t, test.of).Verify(x509.VerifyOptions{Roots: trust(t, test.by), DNSName: test.host, CurrentTime: now.Add(test.after), KeyUsages: []x509.ExtKeyUsage{test.as}})
		if (err == nil) != test.good {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := (Pair{Certificate: "x", Key: cloister.Secret("y")}).Issue("z", nil, now); err == nil {
		t.Error("what is no authority issues certificates")
	}
}

func TestDerivedCertificatesAreAlwaysTheSame(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a := authority(t, now)
	derive := func(subject string, of cloister.Secret) Pair {
		p, err := a.Derive(subject, of)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one := derive("somebody", "secret")
	if one != derive("somebody", "secret") {
		t.Error("it is another one the second time")
	}
	if other := derive("somebody", "other"); other.Key == one.Key || other.Certificate == one.Certificate {
		t.Error("another secret makes the same")
	}
	if _, err := leaf(t, one).Verify(x509.VerifyOptions{Roots: trust(t, a), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
}

func authority(t *testing.T, now time.Time) Pair {
	t.Helper()
	p, err := NewAuthority("test", now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func issue(t *testing.T, by Pair, names []string, now time.Time) Pair {
	t.Helper()
	p, err := by.Issue("somebody", names, now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func leaf(t *testing.T, p Pair) *x509.Certificate {
	t.Helper()
	c, err := p.TLS()
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf
}

func trust(t *testing.T, p Pair) *x509.CertPool {
	t.Helper()
	out := x509.NewCertPool()
	if !out.AppendCertsFromPEM([]byte(p.Certificate.Reveal())) {
		t.Fatal("an authority is no certificate")
	}
	return out
}
