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

// writeBundle writes the CAs that this machine trusts, and ours, into one file. It reports false when the machine has no
// file of its own to start from.
func writeBundle(file, ca string, getenv func(string) string) (bool, error) {
	var system []byte
	for _, f := range append([]string{getenv("GIT_SSL_CAINFO"), getenv("SSL_CERT_FILE")}, systemBundles...) {
		if f == "" || f == file {
			continue
		}
		if b, err := os.ReadFile(f); err == nil && len(b) > 0 {
			system = b
			break
		}
	}
	if system == nil {
		return false, nil
	}
	ours, err := os.ReadFile(ca)
	if err != nil {
		return false, fmt.Errorf("read the server's CA certificate: %w", err)
	}
	want := append(bytes.TrimRight(system, "\n"), '\n')
	want = append(want, ours...)
	if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, want) {
		return true, nil
	}
	return true, writeFile(file, want)
}
