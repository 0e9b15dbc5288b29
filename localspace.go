package cloister

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Names inside a space, which its own resolver answers: 1.web.my-app.app.localspace is one dyno, without the number it
// is all that are up of the process type, and my-app.app.localspace all of the app. Names are lower case; underscores
// are as good as letters.

// LocalZone is what all of these names end in. Nothing under it ever leaves a space.
const LocalZone = "localspace"

// NameTTL is how long an answer about one of these names holds.
const NameTTL = time.Second

// LocalName is the name of all dynos of an app inside its space.
func (a App) LocalName() string { return a.Name + ".app." + LocalZone }

// FormationName is the name of all dynos of one of its process types.
func (a App) FormationName(typ string) string { return strings.ToLower(typ) + "." + a.LocalName() }

// DynoName is the name of one of its dynos.
func (a App) DynoName(typ string, number int) string {
	return strconv.Itoa(number) + "." + a.FormationName(typ)
}

// Named reports whether the dyno's address is told by the names inside its space: while it is up, and until it is
// retired.
func (d Dyno) Named() bool {
	return d.State == DynoUp && !d.Retired() && d.Address.IsValid()
}

// Internal is where the router answers inside a space for apps with internal routing: x.y.0.10 of its network. Dynos
// have addresses from x.y.128.0 up, so it is nobody else's; x.y.0.2 is the resolver.
func (s Space) Internal() netip.Addr {
	a := s.CIDR.Masked().Addr().As4()
	a[3] += 10
	return netip.AddrFrom4(a)
}
