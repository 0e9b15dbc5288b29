package router

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/cloister-dev/cloister"
)

// A policy is what a connection must be like to carry requests to a name: what it speaks, and whose certificate the client has
// shown. It never changes, and is the same in all tables that have it.
type policy struct {
	policyKey
	closed bool        // for known clients alone
	form   *tls.Config // of connections that ask for the name
}

// A policyKey tells policies apart.
type policyKey struct {
	profile     cloister.TLSProfile
	authorities [sha256.Size]byte // the sum of their certificates; zero: anybody may come
}

// suites are those of TLS 1.2 (heroku-behaviours 4.3); TLS 1.3 has its own.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// oldSuites are what clients of TLS 1.0 and 1.1 can do that has forward secrecy.
var oldSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
}

// newPolicy makes a policy. The keys of session tickets are its own: a session that was begun under another one is none here.
func (r *Router) newPolicy(key policyKey, authorities *x509.CertPool) *policy {
	p := &policy{policyKey: key, closed: authorities != nil, form: &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: r.certificate,
	}}
	switch key.profile {
	case cloister.TLSLegacy:
		p.form.MinVersion, p.form.CipherSuites = tls.VersionTLS10, append(suites[:len(suites):len(suites)], oldSuites...)
	case cloister.TLSModern:
		p.form.MinVersion = tls.VersionTLS13
	}
	if p.closed {
		p.form.ClientAuth, p.form.ClientCAs = tls.RequireAndVerifyClientCert, authorities
	}
	r.tickets.give(p)
	return p
}

// policy is the one with that key: that of an older table, if it has one.
func (t *table) policy(r *Router, old *table, key policyKey, authorities *x509.CertPool) *policy {
	if p := t.policies[key]; p != nil {
		return p
	}
	var p *policy
	if old != nil {
		p = old.policies[key]
	}
	if p == nil {
		p = r.newPolicy(key, authorities)
	}
	t.policies[key] = p
	return p
}

// close gives names of an app over to known clients. A name whose authorities can not be read nobody may come to.
func (t *table) close(r *Router, old *table, a *app) (bad []error) {
	for _, c := range a.Clients {
		name := normalHost(c.Host)
		place := t.hosts[name]
		if place.app != a {
			continue
		}
		known := x509.NewCertPool()
		if !known.AppendCertsFromPEM(c.Authorities) {
			bad = append(bad, fmt.Errorf("the authorities of clients of %s cannot be read: nobody gets in", c.Host))
		}
		place.policy = t.policy(r, old, policyKey{a.TLS, sha256.Sum256(c.Authorities)}, known)
		t.hosts[name] = place
	}
	return bad
}

// allows reports whether requests may come by a connection that was made under another policy, and speaks a version of TLS.
func (p *policy) allows(made *policy, version uint16) bool {
	if made == p {
		return true
	}
	return version >= p.form.MinVersion && (!p.closed || made != nil && made.authorities == p.authorities)
}
