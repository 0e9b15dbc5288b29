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

func (g guard) trusts(client string) bool {
	a, err := netip.ParseAddrPort(client)
	if len(g.ranges) == 0 || err != nil {
		return len(g.ranges) == 0
	}
	ip := a.Addr().Unmap().WithZone("")
	return ip.IsLoopback() || slices.ContainsFunc(g.ranges, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// requests refuses those of strangers with 403, before anything else of them is looked at.
func (g guard) requests(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.trusts(r.RemoteAddr) {
			h.ServeHTTP(w, r)
			return
		}
		g.log.Info("a client outside the trusted ranges was refused", "client", r.RemoteAddr)
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(heroku.Error{ID: string(cloister.Forbidden),
			Message: fmt.Sprintf("This server does not answer the address %s. Come from a network that its operator trusts (api_trusted).", host)})
	})
}

// connections closes those of strangers, in protocols that have no words for why.
func (g guard) connections(l net.Listener) net.Listener { return guarded{l, g} }

type guarded struct {
	net.Listener
	guard guard
}

func (l guarded) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || l.guard.trusts(c.RemoteAddr().String()) {
			return c, err
		}
		l.guard.log.Info("a client outside the trusted ranges was refused", "client", c.RemoteAddr().String())
		c.Close()
	}
}
