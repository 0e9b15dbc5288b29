package cloister

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"time"
)

// A TLSProfile says what a client must speak on the names of an app.
type TLSProfile string

// The profiles, from what is taken by default. Suites are those of heroku-behaviours 4.3.
const (
	TLSStrict TLSProfile = ""       // 1.3, and 1.2 with forward secrecy and authenticated encryption
	TLSLegacy TLSProfile = "legacy" // 1.0 and 1.1 as well, and CBC
	TLSModern TLSProfile = "modern" // 1.3 alone
)

// TLS is the profile of an app, by its features. Where they say the opposite of each other, the stricter one holds.
func (a App) TLS() TLSProfile {
	switch {
	case a.Has(ModernTLS, false):
		return TLSModern
	case !a.Has(StrictTLS, false):
		return TLSLegacy
	}
	return TLSStrict
}

// ReadAuthorities reads the certificates of those whose word is taken on who a client is, as people upload them, and gives them
// back without what stood between them. What can not be used is Invalid, and the message says what to do.
func ReadAuthorities(text string, now time.Time) (string, error) {
	if len(text) > maxChain {
		return "", Errorf(Invalid, "Certificates of authorities have at most %d bytes, and these have %d.", maxChain, len(text))
	}
	all, err := readChain(text)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	for i, x := range all {
		switch {
		case !x.BasicConstraintsValid || !x.IsCA:
			return "", Errorf(Invalid, "Certificate %d, of %s, is none of an authority: it may sign no others. Give that of whoever signs the clients' certificates.", i+1, Words(x.Subject.String(), 100))
		case x.KeyUsage != 0 && x.KeyUsage&x509.KeyUsageCertSign == 0:
			return "", Errorf(Invalid, "Certificate %d, of %s, is not for signing others. Give that of whoever signs the clients' certificates.", i+1, Words(x.Subject.String(), 100))
		case !now.Before(x.NotAfter):
			return "", Errorf(Invalid, "Certificate %d, of %s, expired on %s. No client would get in.", i+1, Words(x.Subject.String(), 100), x.NotAfter.UTC().Format(time.DateOnly))
		}
		pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: x.Raw})
	}
	return out.String(), nil
}

// Authorities are those whose clients alone may come to the domain; none: all may.
func (d Domain) Authorities() ([]*x509.Certificate, error) {
	if d.Clients == "" {
		return nil, nil
	}
	return readChain(d.Clients)
}
