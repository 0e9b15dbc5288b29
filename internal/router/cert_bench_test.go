package router

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"runtime"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// BenchmarkCertificates measures a table of 10 000 apps with a domain and a certificate each: what it takes in memory, how long
// until a router works by the next one, in which one certificate is another, and how large it is on its way there.
func BenchmarkCertificates(b *testing.B) {
	const n = 10_000
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	issue := func(i int) cloister.Certificate {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		name := fmt.Sprintf("www.customer-%d.example", i)
		x := &x509.Certificate{SerialNumber: big.NewInt(int64(i)), DNSNames: []string{name}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, x, root, key.Public(), signer)
		if err != nil {
			b.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			b.Fatal(err)
		}
		return cloister.Certificate{Names: []string{name}, Chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
	}
	var routes cloister.Routes
	for i := range n {
		r := route(fmt.Sprintf("app-%d", i))
		c := issue(i)
		r.Hosts, r.Certificates = append(r.Hosts, c.Names[0]), []cloister.Certificate{c.Summed()}
		routes.Apps = append(routes.Apps, r)
	}
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	w := &Router{log: slog.New(slog.DiscardHandler)}
	if err := w.turnTickets(time.Now()); err != nil {
		b.Fatal(err)
	}
	before := heap()
	t, complaints := w.newTable(routes, nil)
	if len(complaints) > 0 {
		b.Fatal(complaints[0])
	}
	w.table.Store(t)
	each := (heap() - before) / n
	var text []byte
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		routes.Version++
		routes.Apps[i%n].Certificates = []cloister.Certificate{issue(i % n).Summed()}
		b.StartTimer()
		slim, certificates := split(routes) // as it goes to a router
		var err error
		if text, err = json.Marshal(slim); err != nil {
			b.Fatal(err)
		}
		var got cloister.Routes
		if err := json.Unmarshal(text, &got); err != nil {
			b.Fatal(err)
		}
		err = w.join(&got, func(sums []string) (out []cloister.Certificate, _ error) {
			for _, sum := range sums {
				out = append(out, certificates[sum])
			}
			return out, nil
		})
		if err != nil {
			b.Fatal(err)
		}
		if t, complaints = w.newTable(got, t); len(complaints) > 0 {
			b.Fatal(complaints[0])
		}
		w.table.Store(t)
	}
	b.ReportMetric(each, "B/certificate")
	b.ReportMetric(float64(len(text))/1e6, "MB-table")
}
