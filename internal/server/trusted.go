package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// A guard answers the clients in its ranges only, whatever their credentials; without ranges, everybody. Clients on the
// machine itself are always answered: who is there has other ways in, and an operator cannot lock themselves out.
type guard struct {
	ranges []netip.Prefix
	log    *slog.Logger
}

// trusts judges a client by its address and port, and tells the operator of one that is refused.
func (g guard) trusts(client string) bool {
	if len(g.ranges) == 0 {
		return true
	}
	a, err := netip.ParseAddrPort(client)
	ip := a.Addr().Unmap().WithZone("")
	if err == nil && (ip.IsLoopback() || slices.ContainsFunc(g.ranges, func(p netip.Prefix) bool { return p.Contains(ip) })) {
		return true
	}
	g.log.Info("a client outside the trusted ranges was refused", "client", client)
	return false
}

// requests refuses those of strangers with 403, before anything else of them is looked at.
func (g guard) requests(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.trusts(r.RemoteAddr) {
			h.ServeHTTP(w, r)
			return
		}
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(heroku.Error{ID: string(cloister.Forbidden),
			Message: fmt.Sprintf("This server does not answer the address %s. Come from a network that its operator trusts (api_trusted).", host)})
	})
}

// connections closes those of strangers, in protocols that have no words for why.
func (g guard) connections(l net.Listener) net.Listener {
	return only{l, func(c net.Conn) bool { return g.trusts(c.RemoteAddr().String()) }}
}
