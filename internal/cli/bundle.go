package cli

import (
	"bytes"
	"fmt"
	"os"
)

// systemBundles are where systems keep the CAs they trust, in one file.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Alpine
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
	"/etc/ssl/cert.pem",                                 // macOS, BSD
}

// writeBundle writes the CAs of the first of those files that there is, and ours, into one file. It reports false when
// there is none to start from. now is the file that the environment names already: if it is the bundle, it stays, since
// what it was made from is not known any more.
func writeBundle(file, ca, now string, from []string) (bool, error) {
	ours, err := os.ReadFile(ca)
	if err != nil {
		return false, fmt.Errorf("read the server's CA certificate: %w", err)
	}
	have, _ := os.ReadFile(file) // none is empty
	if now == file && bytes.Contains(have, ours) {
		return true, nil
	}
	var theirs []byte
	for _, f := range append([]string{now}, from...) {
		if f == "" || f == file {
			continue
		}
		if b, err := os.ReadFile(f); err == nil && len(b) > 0 {
			theirs = b
			break
		}
	}
	if theirs == nil {
		return false, nil
	}
	want := append(bytes.TrimRight(theirs, "\n"), '\n')
	if want = append(want, ours...); bytes.Equal(have, want) {
		return true, nil
	}
	return true, writeFile(file, want)
}
