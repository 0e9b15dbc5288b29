package cloister

import (
	"net/netip"
	"regexp"
	"time"
)

// A SpaceState is how far a space is, in the API's words.
type SpaceState string

const (
	Allocating SpaceState = "allocating"
	Allocated  SpaceState = "allocated"
	Deleting   SpaceState = "deleting"
)

// A Space is an isolated network that apps and data services live in. Everything but its name and owner is fixed
// when it is made.
type Space struct {
	// Spec: written by platform.
	ID        string
	Name      string
	TeamID    string
	Region    string
	Shield    bool
	CIDR      netip.Prefix // of dynos: a /16
	DataCIDR  netip.Prefix // of data services: /16 to /20
	Outbound  []netip.Addr // the stable addresses that the outside sees
	Ingress   []netip.Addr // of this machine, that lead to this space's apps alone; from the operator's pool
	CreatedAt time.Time
	UpdatedAt time.Time

	// Status: written by control.
	State SpaceState
}

// A DestroyWish is that one administrator has asked for a space to be destroyed, where another one must agree.
type DestroyWish struct {
	SpaceID string
	UserID  string
	Email   string // of the user
	At      time.Time
}

// WishLife is for how long another administrator may agree.
const WishLife = 24 * time.Hour

// Good reports whether a wish is one that somebody can agree to at now.
func (w DestroyWish) Good(user string, now time.Time) bool {
	return w.UserID != user && now.Before(w.At.Add(WishLife))
}

// Defaults of the contract: the dyno and the data network of a space whose maker does not choose.
var (
	DefaultCIDR     = netip.MustParsePrefix("10.0.0.0/16")
	DefaultDataCIDR = netip.MustParsePrefix("172.23.0.0/20")
)

// OutboundCount is how many stable outbound addresses a space has.
const OutboundCount = 4

var (
	private  = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16")}
	reserved = []netip.Prefix{netip.MustParsePrefix("172.17.0.0/16"), netip.MustParsePrefix("10.1.0.0/16")}

	// The API's rule for a space's name, without the look-ahead that Go does not have: single dashes only.
	spaceName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// ValidSpaceName reports why s may not name a space, or nil.
func ValidSpaceName(s string) error {
	if len(s) < 3 || len(s) > 30 || !spaceName.MatchString(s) {
		return Errorf(Invalid, "Name must be 3 to 30 characters: lower-case letters, digits and single dashes, starting and ending with a letter or digit.")
	}
	return nil
}

// ParseCIDR reads the dyno network of a space: exactly a /16 inside the private ranges (RFC 1918), clear of the
// reserved 172.17.0.0/16 and 10.1.0.0/16. "" is the default.
func ParseCIDR(s string) (netip.Prefix, error) {
	if s == "" {
		return DefaultCIDR, nil
	}
	p, err := parseNetwork("cidr", s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Bits() != 16 {
		return netip.Prefix{}, Errorf(Invalid, "Cidr %s must be a /16, for example %s/16.", s, p.Addr())
	}
	return p, clearOfReserved("Cidr", p)
}

// ParseDataCIDR reads the data network of a space: /16 to /20, private, clear of the reserved ranges and of the
// dyno network. "" is the default, or its neighbour when the dyno network covers the default.
func ParseDataCIDR(s string, dynos netip.Prefix) (netip.Prefix, error) {
	if s == "" {
		if dynos.Overlaps(DefaultDataCIDR) {
			return netip.MustParsePrefix("172.24.0.0/20"), nil
		}
		return DefaultDataCIDR, nil
	}
	p, err := parseNetwork("data_cidr", s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Bits() < 16 || p.Bits() > 20 {
		return netip.Prefix{}, Errorf(Invalid, "Data cidr %s must be between a /16 and a /20.", s)
	}
	if p.Overlaps(dynos) {
		return netip.Prefix{}, Errorf(Invalid, "Data cidr %s overlaps the space's cidr %s. Choose ranges apart from each other.", s, dynos)
	}
	return p, clearOfReserved("Data cidr", p)
}

func parseNetwork(field, s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{}, Errorf(Invalid, "%s %q is not an IPv4 range in CIDR notation, such as 10.0.0.0/16.", field, s)
	}
	if p.Masked() != p {
		return netip.Prefix{}, Errorf(Invalid, "%s %s has host bits set. Did you mean %s?", field, s, p.Masked())
	}
	if IsPrivate(p) {
		return p, nil
	}
	return netip.Prefix{}, Errorf(Invalid, "%s %s is not private. Choose a range inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16.", field, s)
}

func clearOfReserved(field string, p netip.Prefix) error {
	for _, r := range reserved {
		if r.Overlaps(p) {
			return Errorf(Invalid, "%s %s overlaps %s, which is reserved. Choose another range.", field, p, r)
		}
	}
	return nil
}
