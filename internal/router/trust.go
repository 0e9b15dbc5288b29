package router

import (
	"net"
	"net/netip"

	"github.com/cloister-dev/cloister"
)

// admits reports whether a client may know that the app exists. An internal app has no clients out here.
func (a *app) admits(peer netip.Addr) bool {
	return a.everyone || !a.Internal && cloister.Trusts(a.Trusted, peer)
}

func trustsAll(ranges []netip.Prefix) bool {
	for _, p := range ranges {
		if p == everyone {
			return true
		}
	}
	return false
}

var everyone = cloister.Everyone()[0]

// peerOf is the address at the other end of a socket: the only thing about a client that the client can not choose.
func peerOf(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
