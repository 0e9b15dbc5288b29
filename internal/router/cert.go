package router

import (
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/cloister-dev/cloister"
)

// certificates are found by the name that a client asks for.
type certificates struct {
	first  *tls.Certificate            // for clients that name nothing we know
	byName map[string]*tls.Certificate // "*.example.com" stands for one label
	parsed map[string]*tls.Certificate // by its sum
}

// newCertificates parses certificates, except those that old has already parsed. One that does not parse is left
// out: it must not take the others with it.
func newCertificates(list []cloister.Certificate, old *certificates) (c certificates, bad []error) {
	c.byName, c.parsed = map[string]*tls.Certificate{}, map[string]*tls.Certificate{}
	for _, one := range list {
		if one.Sum == "" {
			one = one.Summed()
		}
		var cert *tls.Certificate
		if old != nil {
			cert = old.parsed[one.Sum]
		}
		if cert == nil {
			pair, err := tls.X509KeyPair(one.Chain, one.Key)
			if err != nil {
				bad = append(bad, fmt.Errorf("certificate for %s: %w", strings.Join(one.Names, ", "), err))
				continue
			}
			pair.OCSPStaple = one.Staple
			cert = &pair
		}
		c.parsed[one.Sum] = cert
		if c.first == nil {
			c.first = cert
		}
		for _, name := range one.Names {
			if name = strings.ToLower(name); c.byName[name] == nil {
				c.byName[name] = cert
			}
		}
	}
	return c, bad
}

// lookup is nil when there are no certificates at all.
func (c *certificates) lookup(name string) *tls.Certificate {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if cert := c.byName[name]; cert != nil {
		return cert
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		if cert := c.byName["*."+parent]; cert != nil {
			return cert
		}
	}
	return c.first
}
