// Package staple asks the authorities of certificates what they say of them (OCSP, RFC 6960): routers hand the answer out with the
// certificate, so that clients need not ask, and nobody learns from them who comes here.
package staple

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/outside"
)

// An Asker asks. Where a certificate's authority is to be asked, its owner has chosen: so the client must be one that goes only
// where tenants may.
type Asker struct{ Client *http.Client }

// Ask gets what the authority of a certificate says of it. What it has not signed, or what is about another certificate or another
// time, is an error.
func (a Asker) Ask(ctx context.Context, c cloister.Responder) (out cloister.Staple, err error) {
	question, err := ocsp.CreateRequest(c.Leaf, c.Issuer, nil)
	if err != nil {
		return out, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(question))
	if err != nil {
		return out, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	raw, err := outside.Ask(a.Client, req)
	if err != nil {
		return out, err
	}
	return read(raw, c.Leaf, c.Issuer, time.Now())
}

func read(raw []byte, leaf, issuer *x509.Certificate, now time.Time) (out cloister.Staple, err error) {
	said, err := ocsp.ParseResponseForCert(raw, leaf, issuer)
	if err != nil {
		return out, err
	}
	out = cloister.Staple{Text: raw, From: said.ThisUpdate, Until: said.NextUpdate, Revoked: said.Status == ocsp.Revoked}
	switch {
	case said.Status == ocsp.Unknown:
		return out, fmt.Errorf("it does not know the certificate")
	case now.Before(out.From.Add(-time.Hour)): // as far as clocks may differ
		return out, fmt.Errorf("its answer begins on %s", out.From.UTC().Format(time.RFC3339))
	case out.Until.IsZero():
		out.Until = now.Add(time.Hour) // there may be newer news at any time
	case !now.Before(out.Until):
		return out, fmt.Errorf("its answer ended on %s", out.Until.UTC().Format(time.RFC3339))
	}
	return out, nil
}
