package router

import (
	"net/netip"

	"github.com/cloister-dev/cloister"
)

// leads reports whether the way in by which a connection came leads to an app, whoever the client is. Where it does
// not, the app's name is as good as any that nobody has.
func (t *table) leads(from *origin, a *app) bool {
	if from.door != "" {
		return a.Internal && a.SpaceID == from.door
	}
	if space, own := t.ingress[from.local]; own {
		return a.SpaceID == space
	}
	return len(a.Ingress) == 0
}

// admits reports whether a client whose way leads to the app may know that it exists. An internal app has no clients
// outside; and by a space's inner door comes nobody but who is inside.
func (a *app) admits(from *origin, client netip.Addr) bool {
	return from.door != "" || a.everyone || !a.Internal && cloister.Trusts(a.Trusted, client)
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
