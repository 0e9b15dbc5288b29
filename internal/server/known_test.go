package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/acm"
	"github.com/cloister-dev/cloister/internal/acm/acmtest"
)

// The default names get a certificate from a real ACME server, by the DNS; it is renewed, and a new life begins with it.
func TestDefaultNamesHaveACertificateThatClientsKnow(t *testing.T) {
	authority := acmtest.Start(t, 1, 1, 15*time.Second)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	issuer := acm.New(acm.Config{Directory: authority.Directory, Roots: authority.Pool(), Key: key,
		DNS: acm.Updater{Server: authority.DNS.Addr, KeyName: acmtest.KeyName, Algorithm: "hmac-sha256", Secret: acmtest.KeySecret}}, log)
	got := make(chan cloister.Certificate, 10)
	k := &known{name: "*.apps.example.com", file: filepath.Join(t.TempDir(), "wildcard.pem"), issuer: issuer, use: func(c cloister.Certificate) { got <- c }, log: log}
	life := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- k.keep(ctx) }()
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	next := func() cloister.Certificate {
		t.Helper()
		select {
		case c := <-got:
			return c
		case <-time.After(time.Minute):
			t.Fatal("there is no certificate")
			return cloister.Certificate{}
		}
	}
	stop := life()
	first := next()
	read, err := cloister.ReadCertificate(string(first.Chain), cloister.Secret(first.Key), time.Now(), authority.Roots)
	if err != nil || !read.Whole || !read.Covers("shop-0123456789ab.apps.example.com") {
		t.Fatalf("it is for %v, whole %v: %v", read.Names, read.Whole, err)
	}
	if info, err := os.Stat(k.file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its file: %v, %v", info, err)
	}
	renewed := next()
	if string(renewed.Chain) == string(first.Chain) {
		t.Error("it is the same after two thirds of its life")
	}
	stop()
	authority.Fail(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusInternalServerError) })
	stop = life()
	defer stop()
	if again := next(); string(again.Chain) != string(renewed.Chain) {
		t.Error("a new life begins without it")
	}
}

func TestACertificateThatClientsKnowComesFirst(t *testing.T) {
	router := &tables{}
	c := &certified{Router: router}
	c.use(cloister.Certificate{Names: []string{"own"}, Chain: []byte("own")})
	c.Publish(cloister.Routes{Version: 1})
	c.prefer(cloister.Certificate{Names: []string{"known"}, Chain: []byte("known")})
	c.use(cloister.Certificate{Names: []string{"own"}, Chain: []byte("another")})
	last := router.got[len(router.got)-1]
	if len(router.got) != 3 || len(last.Certificates) != 2 || last.Certificates[0].Names[0] != "known" || string(last.Certificates[1].Chain) != "another" || last.Version != 3 {
		t.Errorf("the last table is %+v", last)
	}
}
