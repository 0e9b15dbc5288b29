package control

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/acm"
	"github.com/cloister-dev/cloister/internal/store"
)

const certLife = 3 * time.Hour

// A signer is an issuer that signs, or fails.
type signer struct {
	mu    sync.Mutex
	asked []string
	fails *acm.Failure
	other string // it signs for this instead
	seen  []cloister.Challenge
	p     *plant
}

func (s *signer) Obtain(ctx context.Context, host string, stage acm.Stage) (string, cloister.Secret, error) {
	if err := stage.Show(ctx, cloister.Challenge{Host: host, Token: "token", Text: "text"}); err != nil {
		return "", "", err
	}
	defer stage.Hide(host)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, host)
	s.seen = append(s.seen, s.p.router.routes().Challenges...)
	if s.fails != nil {
		return "", "", s.fails
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	if s.other != "" {
		host = s.other
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(int64(len(s.asked))), DNSNames: []string{host}, NotBefore: time.Now(), NotAfter: time.Now().Add(certLife)}
	der, err := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
	if err != nil {
		return "", "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), cloister.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), err
}

func (s *signer) set(change func(*signer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *signer) times() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// inCertifiedPlant has an app with automatic certificates and some domains.
func inCertifiedPlant(t *testing.T, test func(p *plant, s *signer), names ...string) {
	t.Helper()
	inCertifiedPlantOf(t, &signer{}, test, names...)
}

func inCertifiedPlantOf(t *testing.T, s *signer, test func(p *plant, s *signer), names ...string) {
	t.Helper()
	inPlant(t, func(p *plant) {
		s.p = p
		p.stop()
		p.acm = s
		p.start()
		p.update(func(tx *store.Tx) error {
			app, err := tx.App(p.app.ID)
			if err != nil {
				return err
			}
			app.ACM = true
			if err := tx.UpdateApp(app); err != nil {
				return err
			}
			for _, name := range names {
				if err := tx.InsertDomain(cloister.Domain{ID: cloister.NewID(), AppID: app.ID, Hostname: name, CreatedAt: tx.Now, UpdatedAt: tx.Now}, "example.com"); err != nil {
					return err
				}
			}
			if err := tx.Touch("app", app.ID); err != nil {
				return err
			}
			return tx.Touch("acm", app.ID)
		})
		after(2 * time.Second)
		test(p, s)
	})
}

func (p *plant) domains() (out []cloister.Domain) {
	p.t.Helper()
	p.look(func(tx *store.Tx) (err error) {
		out, err = tx.Domains(p.app.ID)
		return err
	})
	return out
}

func (p *plant) endpoints() (out []cloister.Endpoint) {
	p.t.Helper()
	p.look(func(tx *store.Tx) (err error) {
		out, err = tx.Endpoints(p.app.ID)
		return err
	})
	return out
}

func TestDomainsAreKnownToRoutersBeforeTheyAreReady(t *testing.T) {
	inPlant(t, func(p *plant) {
		after(2 * time.Second)
		p.router.leave(true)
		p.update(func(tx *store.Tx) error {
			if err := tx.InsertDomain(cloister.Domain{ID: cloister.NewID(), AppID: p.app.ID, Hostname: "www.example.com", CreatedAt: tx.Now, UpdatedAt: tx.Now}, "example.com"); err != nil {
				return err
			}
			return tx.Touch("app", p.app.ID)
		})
		after(2 * time.Second)
		if d := p.domains()[0]; d.Ready {
			t.Errorf("no router knows it: %+v", d)
		}
		if i := slices.IndexFunc(p.router.routes().Apps, func(r cloister.Route) bool { return slices.Contains(r.Hosts, "www.example.com") }); i < 0 {
			t.Error("it is not in the table")
		}
		p.router.leave(false)
		after(2 * time.Second)
		if d := p.domains()[0]; !d.Ready {
			t.Errorf("all routers know it: %+v", d)
		}
	})
}

func TestACertificateIsHadAndRenewed(t *testing.T) {
	inCertifiedPlant(t, func(p *plant, s *signer) {
		if got := s.times(); !slices.Equal(got, []string{"a.example.com", "b.example.com"}) {
			t.Fatalf("asked for %q", got)
		}
		if len(s.seen) != 2 || s.seen[0].Host != "a.example.com" || s.seen[0].Text != "text" {
			t.Errorf("authorities saw %+v", s.seen)
		}
		first := p.endpoints()
		for i, d := range p.domains() {
			if d.ACMStatus != "cert issued" || d.ACMReason != "" || !d.Ready || d.EndpointID != first[i].ID || !first[i].ACM {
				t.Errorf("the domain is %+v", d)
			}
		}
		table := p.router.routes()
		if len(table.Challenges) != 0 || len(table.Apps[0].Certificates) != 2 || table.Apps[0].Certificates[0].Names[0] != "a.example.com" {
			t.Errorf("the table has %+v", table.Apps[0].Certificates)
		}
		after(certLife*2/3 - 10*time.Minute)
		if n := len(s.times()); n != 2 {
			t.Errorf("asked %d times before they are due", n)
		}
		after(20 * time.Minute)
		if n := len(s.times()); n != 4 {
			t.Errorf("asked %d times when they were due", n)
		}
		for i, e := range p.endpoints() {
			if e.ID != first[i].ID || e.Served == first[i].Served {
				t.Error("it was not renewed in its place")
			}
		}
	}, "a.example.com", "b.example.com")
}

func TestACertificateThatIsNotHadIsTriedAgain(t *testing.T) {
	inCertifiedPlant(t, func(p *plant, s *signer) {
		s.set(func(s *signer) { s.fails = &acm.Failure{Reason: "No DNS."} })
		p.update(func(tx *store.Tx) error {
			if err := tx.InsertDomain(cloister.Domain{ID: cloister.NewID(), AppID: p.app.ID, Hostname: "b.example.com", CreatedAt: tx.Now, UpdatedAt: tx.Now}, "example.com"); err != nil {
				return err
			}
			return tx.Touch("acm", p.app.ID)
		})
		after(time.Second)
		if d := p.domains()[1]; d.ACMStatus != "failing" || d.ACMReason != "No DNS." || d.EndpointID != "" {
			t.Errorf("the domain is %+v", d)
		}
		if d := p.domains()[0]; d.ACMStatus != "cert issued" {
			t.Errorf("the other one is %+v", d)
		}
		after(time.Hour)
		if d := p.domains()[1]; d.ACMStatus != "failed" || d.ACMTries != 6 {
			t.Errorf("after an hour: %+v", d)
		}
		p.stop() // what was tried is remembered
		p.start()
		before := len(s.times())
		after(time.Minute)
		if n := len(s.times()); n != before {
			t.Errorf("a new life asked %d times", n-before)
		}
		s.set(func(s *signer) { s.fails = nil })
		p.update(func(tx *store.Tx) error { // as RefreshACM does
			was := p.domainIn(tx, "b.example.com")
			d := was
			d.ACMStatus, d.ACMReason, d.ACMTries, d.ACMNext = "", "", 0, time.Time{}
			if err := tx.UpdateDomain(was, d); err != nil {
				return err
			}
			return tx.Touch("acm", p.app.ID)
		})
		after(time.Second)
		if d := p.domains()[1]; d.ACMStatus != "cert issued" || d.EndpointID == "" {
			t.Errorf("at last: %+v", d)
		}
	}, "a.example.com")
}

func (p *plant) domainIn(tx *store.Tx, name string) cloister.Domain {
	all, err := tx.Domains(p.app.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return all[slices.IndexFunc(all, func(d cloister.Domain) bool { return d.Hostname == name })]
}

func TestACertificateForAnotherNameIsNotUsed(t *testing.T) {
	inCertifiedPlantOf(t, &signer{other: "evil.example"}, func(p *plant, _ *signer) {
		if d := p.domains()[0]; d.ACMStatus != "failing" || d.EndpointID != "" || len(p.endpoints()) != 0 {
			t.Errorf("the domain is %+v", d)
		}
	}, "www.example.com")
}

func TestAnOwnersCertificateComesFirst(t *testing.T) {
	inCertifiedPlant(t, func(p *plant, s *signer) {
		p.update(func(tx *store.Tx) error {
			own := cloister.Endpoint{ID: cloister.NewID(), AppID: p.app.ID, Name: "own-cert-1", Chain: "c", Served: "c", Key: "k", CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertEndpoint(own); err != nil {
				return err
			}
			was := p.domainIn(tx, "a.example.com")
			d := was
			d.EndpointID = own.ID
			if err := tx.UpdateDomain(was, d); err != nil {
				return err
			}
			return tx.Touch("acm", p.app.ID)
		})
		after(time.Second)
		all := p.endpoints()
		if d := p.domains()[0]; d.ACMStatus != "" || len(all) != 1 || all[0].ACM {
			t.Errorf("the domain is %+v, and there are %d certificates", d, len(all))
		}
		if n := len(s.times()); n != 1 {
			t.Errorf("asked %d times", n)
		}
	}, "a.example.com")
}
