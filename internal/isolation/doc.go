// Package isolation proves on a real machine that a space is a network that nobody else can see. It makes two spaces
// with the same addresses, puts programs into them, and attacks one from the other with real packets: as a dyno's own
// user, and as root in a dyno's network, which is an attacker who has broken out of everything but that.
//
// Every attack first shows that its tool works: that the same packet arrives where it may. An attack whose tool does
// not work is an error, and one that this machine cannot run says why; neither counts as held. The same attacks are
// the command `cloister doctor isolation` and the engine's own test, which also takes each protection away and looks
// whether the attack gets through.
//
// It refuses to touch what is not its own: spaces, addresses and workloads are made for it and dropped at the end. It
// knows no engine but by its contract, and finds networks by the names that Places gives.
package isolation

import "context"

// An Attack is one thing that must not succeed. Run tells a Trial what it saw.
type Attack struct {
	ID     string // "T1"
	Name   string
	Expect string // what is seen when the space holds
	Run    func(ctx context.Context, t *Trial) error
}

// Attacks are all attacks, in their order.
func Attacks() []Attack {
	return []Attack{
		{"T1", "TCP to every port of another space", "dropped", tcpAcross},
		{"T2", "UDP, ICMP, SCTP, GRE and every IP protocol to another space", "dropped", protocolsAcross},
		{"T3", "forged sources, ARP, raw sockets", "dropped", forgery},
		{"T4", "IPv6: link-local, advertisements, NAT64", "dropped", sixth},
		{"T5", "broadcast, multicast, mDNS, LLMNR", "dropped", broadcast},
		{"T6", "every port of every address of the machine", "dropped", machine},
		{"T7", "loopback and 0.0.0.0 by way of the router", "dropped", loopback},
		{"T8", "cloud metadata, also by redirect", "dropped", metadata},
		{"T9", "every port of the gateway", "only names", gateway},
		{"T10", "fragments, source routes, redirects, TTL", "dropped", tricks},
		{"T11", "the way from one space to another by public addresses", "as a stranger", hairpin},
		{"T12", "a source that is not the space's own outbound address", "never", outbound},
		{"T13", "flows that a changed rule forbids", "cut", forbidden},
		{"T14", "using up outbound ports", "others unharmed", ports},
		{"T15", "filling the table of flows", "others unharmed", flows},
		{"T16", "other kinds of dyno, processes of exec, builds", "the same rules", kinds},
		{"T17", "what an earlier space left behind", "nothing", rebirth},
		{"T18", "data services from outside their space", "dropped", data},
		{"T19", "names of another space, zones, enumeration", "unknown", foreignNames},
		{"T20", "public names with private addresses", "no such address", rebinding},
		{"T21", "the resolver as a weapon or a leak", "bounded, no leak", resolver},
	}
}
