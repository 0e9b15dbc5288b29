package cloister

import (
	"crypto/x509"
	"encoding/pem"
	"time"
)

// A Staple is what the authority of a certificate says of it, signed, for clients that would ask (OCSP).
type Staple struct {
	Text    []byte // DER
	From    time.Time
	Until   time.Time // when it is good no more
	Revoked bool
}

// A Responder is where an authority says what it thinks of a certificate.
type Responder struct {
	URL          string
	Leaf, Issuer *x509.Certificate
}

// Responder is whom to ask about the endpoint's certificate. Many authorities have none, and without the issuer in the chain
// there is no asking.
func (e Endpoint) Responder() (r Responder, ok bool) {
	first, rest := pem.Decode([]byte(e.Served))
	second, _ := pem.Decode(rest)
	if first == nil || second == nil {
		return r, false
	}
	var err error
	if r.Leaf, err = x509.ParseCertificate(first.Bytes); err != nil || len(r.Leaf.OCSPServer) == 0 {
		return r, false
	}
	r.URL = r.Leaf.OCSPServer[0]
	r.Issuer, err = x509.ParseCertificate(second.Bytes)
	return r, err == nil
}
