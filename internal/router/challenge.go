package router

import (
	"crypto/tls"
	"slices"

	"github.com/cloister-dev/cloister"
)

// challengePath is where certificate authorities ask (RFC 8555, 8.3), and alpnProof the protocol that they speak (RFC 8737).
const (
	challengePath = "/.well-known/acme-challenge/"
	alpnProof     = "acme-tls/1"
)

// challenge puts in what certificate authorities are answered. A certificate that does not parse is left out.
func (t *table) challenge(all []cloister.Challenge) {
	t.answers, t.proofs = map[string]string{}, map[string]*tls.Certificate{}
	for _, c := range all {
		if c.Token != "" {
			t.answers[c.Host+challengePath+c.Token] = c.Text
		}
		if len(c.Certificate.Chain) > 0 {
			if pair, err := tls.X509KeyPair(c.Certificate.Chain, c.Certificate.Key); err == nil {
				t.proofs[c.Host] = &pair
			}
		}
	}
}

// answer is what a certificate authority gets that asks for a path of a name. The app of that name is not asked, neither whether it
// is up nor whom it trusts: what is answered tells nothing that the asker does not know.
func (x *exchange) answer() (text string, ok bool) {
	t := x.r.table.Load()
	if len(t.answers) == 0 || len(x.q.target) <= len(challengePath) || string(x.q.target[:len(challengePath)]) != challengePath {
		return "", false
	}
	if m := string(x.q.method); m != "GET" && m != "HEAD" {
		return "", false
	}
	text, ok = t.answers[string(x.q.name)+string(x.q.target)]
	return text, ok
}

// proof is the configuration for a certificate authority that wants to see that a name leads here; nil for everybody else.
func (t *table) proof(hello *tls.ClientHelloInfo) *tls.Config {
	if len(t.proofs) == 0 || !slices.Equal(hello.SupportedProtos, []string{alpnProof}) {
		return nil
	}
	cert := t.proofs[normalHost(hello.ServerName)]
	if cert == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{alpnProof}, Certificates: []tls.Certificate{*cert}}
}
