package outside

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// internal are the networks that must not be reached on a user's behalf: what is ours, or the machine's, or its
// neighbours'. The check is made on the address that is dialed, after the name was resolved, and so also after every
// redirect and for every spelling of an address.
var internal = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/3"), netip.MustParsePrefix("::/8"), netip.MustParsePrefix("64:ff9b::/32"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/9"), netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("168.63.129.16/32"), // looks public, and is what Azure's machines are managed by
}

// ErrForbidden is in what a Judge says of an address that must not be reached.
var ErrForbidden = errors.New("forbidden address")

type forbidden string

func (f forbidden) Error() string        { return string(f) }
func (f forbidden) Is(target error) bool { return target == ErrForbidden }

// Public is the Judge that refuses addresses of internal networks, and of this machine.
func Public(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	addr := ap.Addr().Unmap().WithZone("")
	for _, p := range internal {
		if p.Contains(addr) {
			return forbidden(addr.String() + " is not a public address")
		}
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(addr.AsSlice())
	}) {
		return forbidden(addr.String() + " is an address of this server")
	}
	return nil
}
