package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// certificate is one that signs itself, for some names.
func certificate(names ...string) platform.EndpointSpec {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	x := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	x.Subject.CommonName, x.Subject.Country = names[0], []string{"DE"}
	der, _ := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
	chain := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	der, _ = x509.MarshalPKCS8PrivateKey(key)
	secret := cloister.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return platform.EndpointSpec{Chain: &chain, Key: &secret}
}

// uploaded is a certificate as clients send it.
func uploaded(in platform.EndpointSpec) string {
	body, _ := json.Marshal(map[string]string{"certificate_chain": *in.Chain, "private_key": in.Key.Reveal()})
	return string(body)
}

// authority is the certificate of one that signs clients' ones.
func authority() string {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	x := &x509.Certificate{SerialNumber: big.NewInt(0xabc), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	x.Subject.CommonName = "machines"
	der, _ := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestADomainIsClosedToAllButKnownClients(t *testing.T) {
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	var d heroku.Domain
	h.call("POST", "/apps/hello/domains", `{"hostname":"www.example.com","sni_endpoint":null}`).want(t, 201, &d)
	path := "/apps/hello/domains/www.example.com/mtls"
	var m heroku.MutualTLS
	h.call("GET", path, nil).want(t, 200, &m)
	if m.Enabled || m.CA != nil || m.Authorities == nil || len(m.Authorities) != 0 || m.Domain.ID != d.ID {
		t.Errorf("at first: %+v", m)
	}
	ca := authority()
	body, _ := json.Marshal(heroku.MutualTLSOpts{CA: ca})
	h.call("PUT", path, string(body)).want(t, 200, nil)
	h.call("GET", path, nil).want(t, 200, &m)
	if !m.Enabled || *m.CA != ca || len(m.Authorities) != 1 || m.Authorities[0].Subject != "CN=machines" || m.Authorities[0].SerialNumber != "abc" {
		t.Errorf("closed: %+v", m)
	}
	h.call("PUT", path, `{}`).refused(t, 422, "invalid_params", "Give ca, the certificates of those who sign the clients' ones, PEM. To let anybody come, DELETE this.")
	h.call("DELETE", path, nil).want(t, 200, &m)
	if m.Enabled {
		t.Errorf("open: %+v", m)
	}
}

func TestACertificateComesBackAsItWas(t *testing.T) {
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	in := certificate("www.example.com", "*.shop.example.com")
	odd := "Some words before it\r\n" + strings.ReplaceAll(*in.Chain, "\n", "\r\n") + "\n\n"
	in.Chain = &odd
	var e heroku.SNIEndpoint
	res := h.call("POST", "/apps/hello/sni-endpoints", uploaded(in)).want(t, 201, &e)
	if e.CertificateChain != odd || len(e.SSLCert.CertDomains) != 2 || !e.SSLCert.SelfSigned || e.SSLCert.CASigned || e.SSLCert.ACM || e.SSLCert.Subject != "/C=DE/CN=www.example.com" {
		t.Errorf("it is %+v", e)
	}
	if w := res.Header.Get("Warning-Message"); !strings.Contains(w, "signed by itself") {
		t.Errorf("warned %q", w)
	}
	if strings.Contains(string(res.body), "PRIVATE") {
		t.Error("the key is told")
	}
	var d heroku.Domain
	h.call("POST", "/apps/hello/domains", fmt.Sprintf(`{"hostname":"a.shop.example.com","sni_endpoint":%q}`, e.Name)).want(t, 201, &d)
	if d.Status != "pending" || d.Kind != "custom" || d.CNAME == nil || !strings.HasSuffix(*d.CNAME, ".apps.localhost") || d.SNIEndpoint == nil || d.SNIEndpoint.Name != e.Name {
		t.Errorf("the domain is %+v", d)
	}
	var all []heroku.SNIEndpoint
	h.call("GET", "/apps/hello/sni-endpoints", nil).want(t, 200, &all)
	if len(all) != 1 || len(all[0].Domains) != 1 || all[0].Domains[0] != d.ID {
		t.Errorf("the list is %+v", all)
	}
	h.call("PATCH", "/apps/hello/domains/a.shop.example.com", `{"sni_endpoint":null}`).want(t, 200, &d)
	if d.SNIEndpoint != nil {
		t.Errorf("it is served with %+v", d.SNIEndpoint)
	}
	h.call("POST", "/apps/hello/domains", `{"hostname":"www.example.com","sni_endpoint":"none"}`).refused(t, 404, "not_found", "Couldn't find that SNI endpoint.")
	h.call("POST", "/apps/hello/sni-endpoints", `{"certificate_chain":"x"}`).refused(t, 422, "invalid_params", "A certificate takes certificate_chain and private_key, both PEM.")
}
