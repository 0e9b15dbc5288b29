package control

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An oracle is asked about certificates.
type oracle struct {
	mu    sync.Mutex
	asked int
	says  cloister.Staple
	err   error
}

func (o *oracle) Ask(context.Context, cloister.Responder) (cloister.Staple, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	return o.says, o.err
}

func (o *oracle) say(s cloister.Staple, err error) (asked int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.says, o.err = s, err
	return o.asked
}

func TestWhatAuthoritiesSayGoesToRouters(t *testing.T) {
	inPlant(t, func(p *plant) {
		o := &oracle{says: cloister.Staple{Text: []byte("good"), From: time.Now(), Until: time.Now().Add(10 * time.Hour)}}
		p.stop()
		p.staples = o
		p.start()
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		x := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"www.example.com"}, OCSPServer: []string{"http://ocsp.example.com"}, NotAfter: time.Now().Add(90 * 24 * time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, x, x, public, private)
		if err != nil {
			t.Fatal(err)
		}
		var chain bytes.Buffer
		for range 2 {
			pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der})
		}
		p.update(func(tx *store.Tx) error {
			e := cloister.Endpoint{ID: cloister.NewID(), AppID: p.app.ID, Name: "quiet-garth-1", Chain: chain.String(), Served: chain.String(), Key: "key", CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertEndpoint(e); err != nil {
				return err
			}
			if err := tx.InsertDomain(cloister.Domain{ID: cloister.NewID(), AppID: p.app.ID, Hostname: "www.example.com", EndpointID: e.ID, CreatedAt: tx.Now, UpdatedAt: tx.Now}, "example.com"); err != nil {
				return err
			}
			return tx.Touch("staple", p.app.ID)
		})
		served := func() string {
			t.Helper()
			for _, a := range p.router.routes().Apps {
				for _, c := range a.Certificates {
					return string(c.Staple)
				}
			}
			return "no certificate"
		}
		after(2 * time.Second)
		if got := served(); got != "good" {
			t.Errorf("routers have %q", got)
		}
		if n := o.say(cloister.Staple{}, errors.New("down")); n != 1 {
			t.Errorf("asked %d times", n)
		}
		after(9 * time.Hour)
		if got := served(); got != "good" {
			t.Errorf("while the authority is down, routers have %q", got)
		}
		after(2 * time.Hour)
		if got := served(); got != "" {
			t.Errorf("an answer that is over is given out: %q", got)
		}
		o.say(cloister.Staple{Text: []byte("bad"), Revoked: true}, nil)
		after(2 * time.Hour)
		if got := served(); got != "" || !p.endpoints()[0].Staple.Revoked {
			t.Errorf("routers have %q of a revoked certificate", got)
		}
		if said := p.logs.lines("api: Certificate quiet-garth-1 was revoked by its authority"); len(said) != 1 {
			t.Errorf("its owner is told %q", said)
		}
	})
}
