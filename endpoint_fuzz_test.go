package cloister

import (
	"bytes"
	"crypto/tls"
	"testing"
)

// FuzzReadCertificate: whatever is uploaded, nothing panics, and what is taken can be served.
func FuzzReadCertificate(f *testing.F) {
	t := &testing.T{}
	root := issue(t, nil, "Root", authority)
	leaf := issue(t, &root, "www.example.com", site("www.example.com", "*.example.com"))
	key := leaf.keyPEM(t).Reveal()
	f.Add(leaf.pem+root.pem, key)
	f.Add(root.pem+"junk\r\n"+leaf.pem, "-----BEGIN EC PARAMETERS-----\nBgg=\n-----END EC PARAMETERS-----\n"+key)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, chain, key string) {
		c, err := ReadCertificate(chain, Secret(key), certNow, nil)
		if err != nil {
			if KindOf(err) != Invalid || bytes.Contains([]byte(err.Error()), []byte("PRIVATE KEY-----\n")) {
				t.Errorf("%v", err)
			}
			return
		}
		if _, err := tls.X509KeyPair(c.Served, []byte(key)); err != nil {
			t.Errorf("it was taken, and cannot be served: %v", err)
		}
	})
}
