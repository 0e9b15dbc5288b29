package server

import (
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/cloister-dev/cloister/internal/outside"
)

// Where things are kept and met at. Each process owns its own part of the state directory.

func (c Config) controlDir() string  { return filepath.Join(c.State, "control") }
func (c Config) nodeDir() string     { return filepath.Join(c.State, "node") }
func (c Config) routerDir() string   { return filepath.Join(c.State, "router") }
func (c Config) copiesDir() string   { return filepath.Join(c.controlDir(), "copies") }
func (c Config) imagesDir() string   { return filepath.Join(c.State, "images") }
func (c Config) binary() string      { return filepath.Join(c.State, "bin", "cloister") }
func (c Config) caFile() string      { return filepath.Join(c.State, "ca.pem") }
func (c Config) nodeSocket() string  { return filepath.Join(c.Run, "node.sock") }
func (c Config) doorSocket() string  { return filepath.Join(c.Run, "doors.sock") }
func (c Config) feedSocket() string  { return filepath.Join(c.Run, "control", "feed.sock") }
func (c Config) adminSocket() string { return filepath.Join(c.Run, "control", "admin.sock") }

// keyFile is the one secret of the installation, which is in no backup.
func (c Config) keyFile() string { return filepath.Join(c.controlDir(), "key") }

// nextKeyFile is the key that takes its place when control starts, if it is there.
func (c Config) nextKeyFile() string { return c.keyFile() + ".next" }

// files are the single files that a backup has in it.
func (c Config) files() []string { return []string{filepath.Join(c.controlDir(), "ca-key.pem")} }

func (c Config) database() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.controlDir(), "cloister.db")
}

// names are the host names of the API that its certificate is for.
func (c Config) names() []string {
	out := []string{"localhost"}
	for _, h := range c.Hostnames {
		if net.ParseIP(h) == nil {
			out = append(out, h)
		}
	}
	return out
}

// addresses are the IP addresses of the API that its certificate is for.
func (c Config) addresses() (out []net.IP) {
	out = []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
	host, _, _ := net.SplitHostPort(c.Listen)
	for _, h := range append([]string{host}, c.Hostnames...) {
		ip := net.ParseIP(h)
		if ip == nil || ip.IsUnspecified() {
			continue
		}
		if v4 := ip.To4(); v4 != nil {
			ip = v4
		}
		if !slices.ContainsFunc(out, ip.Equal) {
			out = append(out, ip)
		}
	}
	return out
}

func addressNames(ips []net.IP) (out []string) {
	for _, ip := range ips {
		out = append(out, ip.String())
	}
	return out
}

func (c Config) balancers() []netip.Prefix { return prefixes(c.Balancers) }

func (c Config) apiTrusted() []netip.Prefix { return prefixes(c.APITrusted) }

// caBundle is the file of certificates that builds trust.
func (c Config) caBundle() string {
	for _, f := range []string{c.CABundle, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
		if _, err := os.Stat(f); f != "" && err == nil {
			return f
		}
	}
	return ""
}

// roots are the authorities that control trusts when it calls somebody for a tenant: the machine's, and those of the
// operator's own bundle.
func (c Config) roots() *x509.CertPool {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if b, err := os.ReadFile(c.CABundle); err == nil {
		roots.AppendCertsFromPEM(b)
	}
	return roots
}

// outside is what log drains and webhooks may reach.
func (c Config) outside() outside.Config {
	out := outside.Config{Allowed: outside.Public, Roots: c.roots()}
	if c.DrainPrivate {
		out.Allowed = func(string, string, syscall.RawConn) error { return nil }
	}
	return out
}

// buildEnv picks what builds get of an environment.
func (c Config) buildEnv(environ []string) map[string]string {
	out := map[string]string{}
	for _, e := range environ {
		if name, value, _ := strings.Cut(e, "="); value != "" && slices.Contains(c.BuildEnv, name) {
			out[name] = value
		}
	}
	return out
}

// webAddress is the address at which people reach a host name of an app, by plain HTTP, which always works.
func webAddress(c Config) func(host string) string {
	port := c.webPort()
	return func(host string) string {
		if port == "80" {
			return "http://" + host + "/"
		}
		return "http://" + host + ":" + port + "/"
	}
}

// webPort is where apps answer plain HTTP, as people see it: an ingress address has the usual ports.
func (c Config) webPort() string {
	if len(c.IngressPool) > 0 {
		return "80"
	}
	return portOf(c.HTTP)
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// loopback is how programs on this machine reach a listening address.
func loopback(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// apiPort is where the API answers, and git, terminals and SSH with it.
func (c Config) apiPort() string {
	_, port, _ := net.SplitHostPort(c.Listen)
	return port
}

// apiURL is the address of the API for those who are told where it is, such as providers of add-ons.
func (c Config) apiURL() string {
	for _, h := range c.Hostnames {
		return "https://" + net.JoinHostPort(h, c.apiPort())
	}
	return "http://" + loopback(c.Listen)
}

// buildsAtOnce leaves room for the dynos: a build may take a core for itself.
func buildsAtOnce() int { return max(1, runtime.NumCPU()/2) }
