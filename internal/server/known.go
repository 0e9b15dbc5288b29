package server

import (
	"bytes"
	"context"
	"encoding/pem"
	"log/slog"
	"os"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/plan"
)

// A known certificate is one for the default names of all apps, of an authority that clients know: got where an operator has named
// an ACME server and a way to change the DNS. Until it is there, and should it ever be over, our own authority's is used.
type known struct {
	name   string // "*.apps.example.com"
	file   string // where it is kept, with its key
	issuer control.Issuer
	use    func(cloister.Certificate)
	log    *slog.Logger
}

const (
	knownFirst = time.Minute    // after a first try that failed
	knownMost  = 12 * time.Hour // and after many
)

// keep gets the certificate, and another one when two thirds of its life are over, until ctx is done.
func (k *known) keep(ctx context.Context) error {
	pause, used := knownFirst, ""
	for ctx.Err() == nil {
		cert, ends, err := k.read(time.Now())
		if err == nil && string(cert.Chain) != used {
			used = string(cert.Chain)
			k.use(cert)
		}
		wait := time.Until(ends)
		if err != nil || wait <= 0 {
			wait = time.Second
			if err := k.get(ctx); err != nil && ctx.Err() == nil {
				k.log.Warn("a certificate for the default names was not had", "names", k.name, "err", err, "again", pause)
				wait, pause = pause, min(2*pause, knownMost)
			} else if err == nil {
				wait, pause = 0, knownFirst
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(wait, time.Hour)): // by the wall clock: a machine may sleep
		}
	}
	return nil
}

// read finds the certificate in its file, and tells when two thirds of its life are over.
func (k *known) read(now time.Time) (c cloister.Certificate, ends time.Time, err error) {
	text, err := os.ReadFile(k.file)
	if err != nil {
		return c, ends, err
	}
	var chain, key bytes.Buffer
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			pem.Encode(&chain, block)
		} else {
			pem.Encode(&key, block)
		}
	}
	read, err := cloister.ReadCertificate(chain.String(), cloister.Secret(key.String()), now, nil)
	if err != nil {
		return c, ends, err
	}
	if !read.Covers(k.name) {
		return c, ends, cloister.Errorf(cloister.Invalid, "%s has a certificate for %v, and not for %s", k.file, read.Names, k.name)
	}
	info, err := os.Stat(k.file)
	if err != nil {
		return c, ends, err
	}
	return cloister.Certificate{Names: []string{k.name}, Chain: read.Served, Key: key.Bytes()}, plan.Renewal(read.Leaf, info.ModTime()), nil
}

// get gets the certificate into its file.
func (k *known) get(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	chain, key, err := k.issuer.Obtain(ctx, k.name, nil)
	if err != nil {
		return err
	}
	if read, err := cloister.ReadCertificate(chain, key, time.Now(), nil); err != nil || !read.Covers(k.name) {
		return cloister.Errorf(cloister.Invalid, "the authority sent something that cannot be used: %v", err)
	}
	k.log.Info("a certificate for the default names was got", "names", k.name)
	return writeWhole(k.file, []byte(chain+key.Reveal()), 0o600)
}
