// Package hostname reads names of the DNS as people give them for their apps, and knows which part of one somebody has registered
// (by the public suffix list).
package hostname

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/cloister-dev/cloister"
)

// hosts are the rules for names in the DNS, as browsers have them: lower case, and no look-alikes of dots and dashes.
var hosts = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

var errUnstable = errors.New("another name when it is read again")

// Parse reads a host name that a domain may have: with at least two labels, and not an address. Names in other scripts
// become punycode. "*." in front stands for every name below. own are the names under which the platform gives names itself.
func Parse(s string, own ...string) (string, error) {
	name, wild := strings.CutPrefix(strings.TrimSuffix(strings.TrimSpace(s), "."), "*.")
	if _, err := netip.ParseAddr(name); err == nil {
		return "", cloister.Errorf(cloister.Invalid, "Hostname %s is an address. Use a name, such as www.example.com.", name)
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 {
			return "", cloister.Errorf(cloister.Invalid, "Hostname has a part of %d characters; 63 is the most that the DNS can hold.", len(label))
		}
	}
	ascii, err := hosts.ToASCII(name)
	if again, wrong := hosts.ToASCII(ascii); err == nil && (wrong != nil || again != ascii) {
		err = errUnstable // what it stands for has no place in a name
	}
	if err != nil || strings.Contains(name, "*") || strings.ContainsAny(ascii, ":/@ ") || strings.HasSuffix(ascii, ".") {
		return "", cloister.Errorf(cloister.Invalid, "Hostname %q is not a host name. Use letters, digits, dashes and dots: www.example.com, or *.example.com for every name below.", cloister.Words(s, 100))
	}
	suffix, _ := publicsuffix.PublicSuffix(ascii)
	if ascii == suffix || !strings.Contains(ascii, ".") {
		return "", cloister.Errorf(cloister.Invalid, "Hostname %s belongs to everybody. Use a name below it that is yours.", cloister.Words(s, 100))
	}
	for _, o := range own {
		if ascii == o || strings.HasSuffix(ascii, "."+o) {
			return "", cloister.Errorf(cloister.Invalid, "Hostname %s is under %s, where the platform itself gives names. Use one of your own.", ascii, o)
		}
	}
	if wild {
		ascii = "*." + ascii
	}
	return ascii, nil
}

// Registrable is the part of a host name that somebody has registered: "example.co.uk" of "www.example.co.uk".
func Registrable(hostname string) string {
	name := strings.TrimPrefix(hostname, "*.")
	if r, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return r
	}
	return name
}
