package router

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
)

// An origin is what is known of a connection before it has said a word of HTTP: whom it is from, and by which way in
// it came.
type origin struct {
	peer  netip.Addr // the other end of the socket, the one thing that a client can not choose
	local netip.Addr // our end, which may be an address that belongs to one space
	door  string     // the space by whose inner door it came; "" is the outside

	client   netip.Addr // the peer, or whom a balancer has named in the PROXY protocol
	secure   bool       // the balancer says that this client speaks TLS with it
	balancer bool       // the peer is a balancer that says of each request whom it is from

	policy atomic.Pointer[policy] // that its TLS was begun under; nil: it speaks none
	visit  atomic.Pointer[visit]  // the last one that began; nil: none yet
}

// A socket is a client's connection, with its origin.
type socket struct {
	*tcp
	origin
}

func newSocket(c *tcp, door string) *socket {
	s := &socket{tcp: c, origin: origin{peer: addressOf(c.RemoteAddr()), local: addressOf(c.LocalAddr()), door: door}}
	s.client = s.peer
	return s
}

func addressOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return bare(a.AddrPort().Addr())
	case *net.UDPAddr:
		return bare(a.AddrPort().Addr())
	}
	return netip.Addr{}
}

// bare is the form in which addresses are compared: IPv4 is IPv4, on whatever socket it came.
func bare(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// introduce finds out whom a connection is from. Balancers that speak the PROXY protocol must begin with it: whoever
// takes it or leaves it, takes it from anybody. It reports whether there is anything to go on with.
func (r *Router) introduce(s *socket, g *guard) bool {
	t := r.table.Load() // the guard is under watch already: whoever adopts another table finds it
	switch t.word(&s.origin) {
	case byHeaders:
		s.balancer = true
	case byProxy:
		g.enter(reading, r.limits.handshake)
		said, err := readProxy(s.TCPConn)
		if err != nil {
			return false
		}
		s.secure = said.secure
		if said.client.IsValid() {
			s.client = said.client
		}
	}
	return true
}

// A word is how a connection's peer may say whom it speaks for.
type word int

const (
	ownWord   word = iota // it speaks for itself
	byHeaders             // X-Forwarded-For, for each request
	byProxy               // the PROXY protocol, for the connection
)

// word is what a table makes of a connection's peer.
func (t *table) word(o *origin) word {
	switch {
	case o.door != "" || !t.balances(o.peer):
		return ownWord
	case t.proxied:
		return byProxy
	}
	return byHeaders
}

func (t *table) balances(a netip.Addr) bool {
	for _, p := range t.balancers {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

type originKey struct{}

// withOrigin leaves an HTTP/2 connection's origin for the requests that come by it.
func withOrigin(ctx context.Context, s *socket) context.Context {
	return context.WithValue(ctx, originKey{}, &s.origin)
}

func originOf(ctx context.Context) *origin {
	if o, ok := ctx.Value(originKey{}).(*quicOrigin); ok {
		return &o.origin
	}
	return ctx.Value(originKey{}).(*origin)
}
