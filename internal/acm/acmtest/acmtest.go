// Package acmtest has a real ACME server for tests, Pebble, and a DNS in which the names of the test are.
package acmtest

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// An Authority is an ACME server that looks for names in a DNS of its own, and asks them at ports of the test.
type Authority struct {
	Directory string // its address
	DNS       *DNS
	Roots     *x509.CertPool // of what it signs

	server *httptest.Server
	db     *db.MemoryStore
	fault  atomic.Pointer[http.HandlerFunc]
}

// Start starts an authority that asks names at a port for HTTP and one for TLS. What it signs lasts for life.
func Start(t testing.TB, httpPort, tlsPort int, life time.Duration) *Authority {
	t.Helper()
	os.Setenv("PEBBLE_VA_NOSLEEP", "1")
	os.Setenv("PEBBLE_AUTHZREUSE", "0")
	quiet := log.New(io.Discard, "", 0)
	a := &Authority{DNS: startDNS(t), db: db.NewMemoryStore()}
	signer := ca.New(quiet, a.db, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: uint64(life / time.Second)}})
	front := wfe.New(quiet, a.db, va.New(quiet, httpPort, tlsPort, false, a.DNS.Addr, a.db), signer, []string{"pebble.letsencrypt.org"}, false, false, 1, 1)
	handler := front.Handler()
	a.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := a.fault.Load(); f != nil {
			(*f)(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(a.server.Close)
	a.Directory = a.server.URL + wfe.DirectoryPath
	a.Roots = x509.NewCertPool()
	a.Roots.AppendCertsFromPEM(signer.GetRootCert(0).PEM())
	return a
}

// Trust is the certificate that the authority itself is served with, as PEM.
func (a *Authority) Trust() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw})
}

// Pool trusts the authority's own certificate.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.server.Certificate())
	return pool
}

// Fail has every request answered by a handler from now on; nil ends that.
func (a *Authority) Fail(h http.HandlerFunc) {
	if h == nil {
		a.fault.Store(nil)
		return
	}
	a.fault.Store(&h)
}

// Block has the authority refuse a name.
func (a *Authority) Block(t testing.TB, name string) {
	t.Helper()
	if err := a.db.AddBlockedDomain(name); err != nil {
		t.Fatal(err)
	}
}

// A DNS knows the names of a test. Those that it was told nothing of lead to this machine, unless they are below "missing".
type DNS struct {
	Addr string // of its TCP port

	mu      sync.Mutex
	records map[string]map[string]bool // texts, by name
}

// Keys for dynamic updates.
const (
	KeyName   = "cloister."
	KeySecret = "c2VjcmV0IG9mIHRoZSB0ZXN0cw=="
)

func startDNS(t testing.TB) *DNS {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &DNS{Addr: l.Addr().String(), records: map[string]map[string]bool{}}
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(d.serve), TsigSecret: map[string]string{KeyName: KeySecret},
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	go s.ActivateAndServe()
	t.Cleanup(func() { s.Shutdown() })
	return d
}

// Texts are the TXT records of a name.
func (d *DNS) Texts(name string) (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for text := range d.records[dns.Fqdn(name)] {
		out = append(out, text)
	}
	return out
}

// Set adds or removes a TXT record.
func (d *DNS) Set(name, text string, there bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = strings.ToLower(dns.Fqdn(name))
	if d.records[name] == nil {
		d.records[name] = map[string]bool{}
	}
	if there {
		d.records[name][text] = true
	} else {
		delete(d.records[name], text)
	}
}

func (d *DNS) serve(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	if q.IsTsig() != nil {
		if w.TsigStatus() != nil {
			m.Rcode = dns.RcodeNotAuth
			w.WriteMsg(m)
			return
		}
	}
	if q.Opcode == dns.OpcodeUpdate {
		if q.IsTsig() == nil {
			m.Rcode = dns.RcodeRefused
		} else {
			for _, rr := range q.Ns {
				if txt, ok := rr.(*dns.TXT); ok {
					d.Set(txt.Hdr.Name, strings.Join(txt.Txt, ""), txt.Hdr.Class == dns.ClassINET)
				}
			}
			m.SetTsig(KeyName, dns.HmacSHA256, 300, time.Now().Unix())
		}
		w.WriteMsg(m)
		return
	}
	name := strings.ToLower(q.Question[0].Name)
	header := func(kind uint16) dns.RR_Header {
		return dns.RR_Header{Name: q.Question[0].Name, Rrtype: kind, Class: dns.ClassINET, Ttl: 1}
	}
	switch q.Question[0].Qtype {
	case dns.TypeA:
		if !strings.HasSuffix(name, ".missing.") {
			m.Answer = append(m.Answer, &dns.A{Hdr: header(dns.TypeA), A: net.IPv4(127, 0, 0, 1)})
		}
	case dns.TypeTXT:
		for _, text := range d.Texts(name) {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: header(dns.TypeTXT), Txt: []string{text}})
		}
	case dns.TypeSOA:
		if strings.Count(name, ".") == 2 { // each registered name is a zone
			m.Answer = append(m.Answer, &dns.SOA{Hdr: header(dns.TypeSOA), Ns: "ns." + name, Mbox: "hostmaster." + name})
		}
	}
	if q.IsTsig() != nil {
		m.SetTsig(KeyName, dns.HmacSHA256, 300, time.Now().Unix())
	}
	w.WriteMsg(m)
}
