package local

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cloister-dev/cloister"
)

// Config says where an engine keeps things and which addresses it may use.
type Config struct {
	Name   string // sets this engine apart from others on the machine; default "cloister"
	State  string // directory for what must survive a reboot
	Run    string // directory for what must not: sockets, namespaces; best on a tmpfs
	Images string // OCI image layout, written by another process

	Containerd string // socket of a containerd to use; empty: run one of our own

	Init string // static binary that calls inside.Main; empty: this one

	Zones      []string       // default "a", "b", "c"; at most eight
	Outbound   []netip.Prefix // the pool that Space.Outbound comes from
	Masquerade bool           // the pool is known to this machine only: translate once more on the way out
	RouterUID  int            // the only user that may open connections to web processes
	Transit    netip.Prefix   // default 100.64.0.0/10

	// Ingress is the pool that Space.Ingress comes from, IPv4 and IPv6. The network around routes it to this machine;
	// the engine puts the addresses of spaces on the loopback interface.
	Ingress []netip.Prefix
	// HTTPPort and HTTPSPort are where the router listens, on all addresses of the machine; what comes to ports 80
	// and 443 of an ingress address is led there. 0: it listens on 80 and 443.
	HTTPPort, HTTPSPort int

	Networks []Network // of the operator's, which a space can have as a peer

	Resolvers []netip.AddrPort // default: those of the machine
}

var nameRule = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// withDefaults fills in what was left out and refuses what cannot work.
func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		c.Name = "cloister"
	}
	if !nameRule.MatchString(c.Name) {
		return c, cloister.Errorf(cloister.Invalid, "Engine name %q must be lower-case letters, digits and dashes.", c.Name)
	}
	for what, dir := range map[string]*string{"state": &c.State, "run": &c.Run, "images": &c.Images} {
		if !filepath.IsAbs(*dir) {
			return c, cloister.Errorf(cloister.Invalid, "The %s directory %q must be an absolute path.", what, *dir)
		}
		*dir = filepath.Clean(*dir)
	}
	if len(c.Zones) == 0 {
		c.Zones = []string{"a", "b", "c"}
	}
	if len(c.Zones) > maxZones {
		return c, cloister.Errorf(cloister.Invalid, "A machine has at most %d zones.", maxZones)
	}
	if !c.Transit.IsValid() {
		c.Transit = netip.MustParsePrefix("100.64.0.0/10")
	}
	if !c.Transit.Addr().Is4() || c.Transit.Bits() > 24 {
		return c, cloister.Errorf(cloister.Invalid, "The transit range %s must be IPv4 and at least a /24.", c.Transit)
	}
	c.Transit = c.Transit.Masked()
	if err := c.checkIngress(); err != nil {
		return c, err
	}
	if err := c.checkNetworks(); err != nil {
		return c, err
	}
	if len(c.Resolvers) == 0 {
		c.Resolvers = machineResolvers()
	}
	return c, nil
}

// gateway is the machine's own address in the transit range: what web processes see as the router.
func (c Config) gateway() netip.Addr { return c.Transit.Addr().Next() }

// linkPrefix begins the name of every interface this engine makes in the machine's namespace, so that one firewall
// rule closes them all, also those it does not know of.
func (c Config) linkPrefix() string { return "cl" + short(c.Name, 4) + "-" }

// short is a name for something with a long id, where the kernel has room for only a few characters.
func short(id string, n int) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])[:n]
}

func machineResolvers() []netip.AddrPort {
	var out []netip.AddrPort
	text, _ := os.ReadFile("/etc/resolv.conf")
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil {
			out = append(out, netip.AddrPortFrom(a, 53))
		}
	}
	return out
}
