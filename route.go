package cloister

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
)

// Routes is the whole table of the router, as of Version. A table replaces the one before.
type Routes struct {
	Version int64
	Apps    []Route

	Certificates []Certificate // the first one answers clients that name no host
	Challenges   []Challenge   // by which a certificate authority sees that names lead here

	// Load balancers, whose word on the client's address is taken. They all speak the PROXY protocol, on each of their
	// connections, or none of them does: then they send X-Forwarded-For.
	Balancers     []netip.Prefix
	ProxyProtocol bool
}

// A Route is what the router knows of one app.
type Route struct {
	AppID       string
	AppName     string
	SpaceID     string
	Hosts       []string       // lower case, without port
	Trusted     []netip.Prefix // the space's trusted ranges
	Ingress     []netip.Addr   // addresses of the space's own: if there are any, the app answers nowhere else
	Internal    bool           // answers only inside the space
	Maintenance bool
	Blank       bool // nothing was deployed yet
	Crashed     bool // no web dyno is up, and at least one has crashed
	Starting    bool // no web dyno is up, and at least one is starting
	Dynos       []RouteDyno

	Certificates []Certificate // of its own names
	TLS          TLSProfile    // what clients of its names must speak
	Clients      []Clients     // of names that are for known clients alone

	// Where pages of the app's own are, http or https, that clients see in place of the router's; "" for none.
	ErrorPage, MaintenancePage string
}

// A RouteDyno is a web dyno that takes requests.
type RouteDyno struct {
	ID       string
	Name     string // "web.1"
	Zone     string
	Endpoint netip.AddrPort
}

// Clients says who alone may come to a name of an app: whose certificate one of the authorities has signed.
type Clients struct {
	Host        string // as in Hosts
	Authorities []byte // PEM
}

// A Challenge is what a certificate authority asks a name for, and gets whatever the app of that name says, and whoever it trusts:
// a path of plain HTTP (RFC 8555, 8.3), or a certificate for one protocol (RFC 8737).
type Challenge struct {
	Host  string // lower case
	Token string // the last part of the path
	Text  string // that it answers with

	Certificate Certificate // for the protocol "acme-tls/1"; zero: none
}

// A Certificate lets the router answer TLS for names: exact ones, or "*.example.com" for one label.
type Certificate struct {
	Names  []string
	Chain  []byte // PEM, leaf first
	Key    []byte // PEM
	Staple []byte // what its authority says of it, DER; nil: nothing
	Sum    string // of all of that, in hex, by which routers know it again; see Summed
}

// Summed is the certificate with its sum.
func (c Certificate) Summed() Certificate {
	h := sha256.New()
	for _, part := range [][]byte{c.Chain, c.Key, c.Staple} {
		fmt.Fprintf(h, "%d\n", len(part))
		h.Write(part)
	}
	c.Sum = hex.EncodeToString(h.Sum(nil))
	return c
}
