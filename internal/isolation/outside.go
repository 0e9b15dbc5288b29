package isolation

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// outsideName is the namespace of the observer, and near the machine's end of the link to it.
const (
	outsideName = "cloister-isolation"
	near        = "isolation0"
)

// testNets are ranges for documentation: nobody's, so the observer can have one.
var testNets = []string{"192.0.2", "203.0.113", "198.51.100"}

// An outside is somebody beyond the machine: real packets of spaces leave by the machine's way out and reach them. The
// machine's default route and its other links are not touched.
type outside struct {
	ns      netns
	Machine netip.Addr // the machine as the outside sees it
	Address netip.Addr
	Second  netip.Addr // another address of theirs
	ends    []func() error
}

// openOutside makes the observer.
func openOutside(pool []netip.Prefix) (*outside, error) {
	closeOutside()
	have, err := netns("").sh("ip -4 addr; ip -4 route")
	if err != nil {
		return nil, err
	}
	net := ""
	for _, n := range testNets {
		p := netip.MustParsePrefix(n + ".0/24")
		free := !strings.Contains(have, n+".")
		for _, other := range pool {
			free = free && !other.Overlaps(p)
		}
		if free && net == "" {
			net = n
		}
	}
	if net == "" {
		return nil, errors.New("this machine uses all ranges for documentation; the observer needs one")
	}
	o := &outside{ns: netns("/run/netns/" + outsideName), Machine: netip.MustParseAddr(net + ".1"),
		Address: netip.MustParseAddr(net + ".2"), Second: netip.MustParseAddr(net + ".3")}
	for _, line := range []string{
		"ip netns add " + outsideName,
		"ip link add " + near + " type veth peer name eth0 netns " + outsideName,
		fmt.Sprintf("ip addr add %s/24 dev %s", o.Machine, near),
		"ip link set " + near + " up",
		fmt.Sprintf("ip -n %s addr add %s/24 dev eth0", outsideName, o.Address),
		fmt.Sprintf("ip -n %s addr add %s/24 dev eth0", outsideName, o.Second),
		"ip -n " + outsideName + " link set lo up",
		"ip -n " + outsideName + " link set eth0 up",
		fmt.Sprintf("ip -n %s route add default via %s", outsideName, o.Machine),
	} {
		if _, err := netns("").sh(line); err != nil {
			closeOutside()
			return nil, fmt.Errorf("make an observer outside: %w", err)
		}
	}
	return o, nil
}

// closeOutside takes the observer away, also one that an earlier run left.
func closeOutside() {
	netns("").sh("ip link del " + near) // at once; the namespace would take it along only after a while
	if _, err := os.Stat("/run/netns/" + outsideName); err == nil {
		netns("").sh("ip netns del " + outsideName)
	}
}

// listenAll opens what the outside answers on: 443 says who asks, 80 sends browsers to a cloud's metadata.
func (o *outside) listenAll() error {
	l, p, err := o.ns.listen("0.0.0.0:443")
	if err != nil {
		return fmt.Errorf("listen outside: %w", err)
	}
	o.ends = append(o.ends, l.Close, p.Close)
	go answerTCP(l, "outside")
	go answerUDP(p, "outside")
	l, p, err = o.ns.listen("0.0.0.0:80")
	if err != nil {
		return fmt.Errorf("listen outside: %w", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
			return
		}
		fmt.Fprintln(w, "outside")
	})}
	o.ends = append(o.ends, server.Close, p.Close)
	go server.Serve(l)
	return nil
}

func (o *outside) close() {
	for _, end := range o.ends {
		end()
	}
	o.ends = nil
	closeOutside()
}

// at is a port of the outside's.
func (o *outside) at(port uint16) netip.AddrPort { return netip.AddrPortFrom(o.Address, port) }
