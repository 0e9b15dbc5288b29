package local_test

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/isolation"
)

// An accomplice is an engine that leaves out what it was told.
type accomplice struct {
	engine.Engine
	ensure func(*engine.Space)
	keep   bool // volumes are not dropped
}

func (a *accomplice) EnsureSpace(ctx context.Context, s engine.Space) error {
	if a.ensure != nil {
		a.ensure(&s)
	}
	return a.Engine.EnsureSpace(ctx, s)
}

func (a *accomplice) DropVolume(ctx context.Context, id string) error {
	if a.keep {
		return nil
	}
	return a.Engine.DropVolume(ctx, id)
}

// A sabotage takes a protection away: by commands in the namespaces of a space or of the machine, or by an accomplice.
type sabotage struct {
	attack string
	what   string
	a      string // commands in the space's namespace
	host   string // commands in the machine's; NAME is its table, A and B are files of namespaces
	undo   string // commands in the space's namespace, besides making the firewalls again
	unhost string
	with   accomplice
	holds  bool // the attack fails all the same, since there is another wall
}

const (
	open = "nft insert rule inet cloister input accept; nft insert rule inet cloister output accept"
	// Two spaces get a wire of their own, and the way to B.
	wired = "nsenter --net=A ip link add sab type veth peer name sab netns B; " +
		"nsenter --net=A ip addr add 169.254.77.1/30 dev sab; nsenter --net=B ip addr add 169.254.77.2/30 dev sab; " +
		"nsenter --net=A ip link set sab up; nsenter --net=B ip link set sab up; " +
		"nsenter --net=A ip route add ONLY via 169.254.77.2; nsenter --net=A ip neigh replace 169.254.77.2 lladdr $(nsenter --net=B ip -br link show sab | awk '{print $3}') dev sab"
	known   = "ip neigh replace $(ip route show dev $l | cut -d' ' -f1) lladdr 02:00:00:00:00:02 dev $l nud permanent; "
	naive   = open + "; nft 'table ip sabotage { chain pre { type nat hook prerouting priority -110; iifname \"w*\" meta l4proto { tcp, udp } th dport 53 dnat to 10.0.0.2:5355; }; }'"
	passing = "nft insert rule inet cloister forward accept"
	links   = "for l in $(ip -br link | grep -o '^w[0-9a-f]*'); do "
)

var sabotages = []sabotage{
	{attack: "T1", what: "all rules of the space are gone: it is still another network", a: "nft flush ruleset", holds: true},
	{attack: "T1", what: "a wire between the spaces", a: "nft insert rule inet cloister forward oifname sab accept", host: wired, unhost: "nsenter --net=A ip link del sab"},
	{attack: "T2", what: "a wire between the spaces", a: "nft insert rule inet cloister forward oifname sab accept", host: wired, unhost: "nsenter --net=A ip link del sab"},
	{attack: "T3", what: "sources are not pinned to links", a: passing + "; " + links + "echo 0 > /proc/sys/net/ipv4/conf/$l/rp_filter; done; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter",
		undo: "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter"},
	{attack: "T3", what: "the router answers ARP", a: links + "ip link set $l arp on; " + known + "echo 1 > /proc/sys/net/ipv4/conf/$l/proxy_arp; done",
		undo: links + "ip link set $l arp off; " + known + "echo 0 > /proc/sys/net/ipv4/conf/$l/proxy_arp; done"},
	{attack: "T4", what: "IPv6 is on", a: open + "; echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6", undo: "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"},
	{attack: "T5", what: "links share a segment", undo: "nft delete table netdev sabotage",
		a: "web=$(ip route get 10.0.128.1 | grep -o 'w[0-9a-f]*'); near=$(ip route get 10.0.128.2 | grep -o 'w[0-9a-f]*'); " +
			"nft \"table netdev sabotage { chain in { type filter hook ingress device $web priority 0; meta pkttype { broadcast, multicast } dup to $near; }; }\""},
	{attack: "T6", what: "the machine lets spaces in", host: "nft flush chain inet NAME input"},
	{attack: "T7", what: "the router routes to loopback", a: open + "; echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet", undo: "echo 0 > /proc/sys/net/ipv4/conf/all/route_localnet"},
	{attack: "T8", what: "private addresses may be reached", a: passing},
	{attack: "T9", what: "the router takes and gives everything", a: open},
	{attack: "T10", what: "all ports are open between dynos", a: "nft insert rule inet cloister ports accept"},
	{attack: "T10", what: "packets choose their way", a: passing + "; echo 1 > /proc/sys/net/ipv4/conf/all/accept_source_route; " + links + "echo 1 > /proc/sys/net/ipv4/conf/$l/accept_source_route; done",
		undo: "echo 0 > /proc/sys/net/ipv4/conf/all/accept_source_route"},
	{attack: "T11", what: "one space's packets go to another's public address", a: passing, host: "nft insert rule inet NAME forward accept"},
	{attack: "T12", what: "sources are not translated", a: "nft flush chain inet cloister leave; nft insert rule inet cloister gone accept"},
	{attack: "T13", what: "the outbound rules are not told", with: accomplice{ensure: func(s *engine.Space) { s.Egress = nil }}},
	{attack: "T11", what: "a space trusts everybody", with: accomplice{ensure: func(s *engine.Space) {
		if len(s.Ingress) > 0 {
			s.Trusted = cloister.Everyone()
		}
	}}},
	{attack: "T13", what: "a range is not taken back", with: accomplice{ensure: func(s *engine.Space) {
		if len(s.Ingress) > 0 {
			s.Trusted = cloister.Everyone()
		}
	}}},
	{attack: "T14", what: "spaces share a few ports", host: "nft 'table inet sabotage { chain post { type nat hook postrouting priority 99; oifname isolation0 meta l4proto { tcp, udp } snat ip to 192.0.2.1:20000-20050; }; }'; nft flush chain inet NAME early",
		unhost: "nft delete table inet sabotage"},
	{attack: "T15", what: "the machine keeps every flow", host: "nft flush chain inet NAME early; nft flush chain inet NAME egress; nft add rule inet NAME egress accept; nft flush table inet NAME_flows"},
	{attack: "T16", what: "one dyno is let through", a: "nft insert rule inet cloister forward iifname $(ip route get 10.0.128.2 | grep -o 'w[0-9a-f]*' | head -1) accept"},
	{attack: "T16", what: "builds are an ordinary space", with: accomplice{ensure: func(s *engine.Space) { s.Builds = false }}},
	{attack: "T17", what: "volumes stay", with: accomplice{keep: true}},
	{attack: "T19", what: "a space is told another's names", with: accomplice{ensure: func(s *engine.Space) {
		if s.ID == "isolation-a" && len(s.Names) > 0 {
			s.Names = append(s.Names[:len(s.Names):len(s.Names)], engine.Name{Name: "web.isolation-b.app.localspace.", Addresses: []netip.Addr{netip.MustParseAddr("10.0.160.1")}})
		}
	}}},
	{attack: "T20", what: "the resolver passes on whatever it hears", a: naive, undo: "nft delete table ip sabotage"},
	{attack: "T21", what: "the resolver passes on whatever it hears", a: naive, undo: "nft delete table ip sabotage"},
	{attack: "T18", what: "the space lets the machine in", a: passing},
}

func TestAttacksGetThroughWithoutTheirProtection(t *testing.T) {
	m, real, o := newLab(t, "sabotage")
	e := &accomplice{Engine: real}
	lab, err := isolation.Open(t.Context(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		*e = accomplice{Engine: real}
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := o.Upstream.Listen(m.config.SpaceNamespace(lab.A.Space.ID), netip.MustParseAddrPort("10.0.0.2:5355")); err != nil {
		t.Fatal(err) // what the naive resolver is
	}
	attacks := map[string]isolation.Attack{}
	for _, a := range isolation.Attacks() {
		attacks[a.ID] = a
	}
	a, b := m.config.SpaceNamespace(lab.A.Space.ID), m.config.SpaceNamespace(lab.B.Space.ID)
	replace := strings.NewReplacer("--net=A", "--net="+a, "--net=B", "--net="+b, "netns B", "netns "+b, "NAME", m.config.Name, "ONLY", lab.B.Only.Address.String())
	for _, s := range sabotages {
		t.Run(s.attack+" "+s.what, func(t *testing.T) {
			run := func(net, line string) {
				args := []string{"-ec", replace.Replace(line)}
				cmd := exec.Command("sh", args...)
				if net != "" {
					cmd = exec.Command("nsenter", append([]string{"--net=" + net, "sh"}, args...)...)
				}
				if out, err := cmd.CombinedOutput(); err != nil && line != "" {
					t.Fatalf("%s: %v: %s", line, err, out)
				}
			}
			defer func() {
				*e = accomplice{Engine: real}
				run(a, s.undo)
				run("", s.unhost)
				changed := lab.A.Space
				changed.Mail = !changed.Mail
				for _, sp := range []engine.Space{changed, lab.A.Space} { // so that the firewalls are made again
					if err := e.EnsureSpace(context.Background(), sp); err != nil {
						t.Error(err)
					}
				}
				run(a, "conntrack -F") // what came through while it could would go on
				run(b, "conntrack -F")
			}()
			*e = s.with
			e.Engine = real
			run("", s.host)
			run(a, s.a)
			want := isolation.Through
			if s.holds {
				want = isolation.Held
			}
			r := lab.Attack(t.Context(), attacks[s.attack])
			if r.State != want {
				t.Errorf("%s, but %s is %s: %s", s.what, s.attack, r.State, r.Seen)
			}
			t.Log(fmt.Sprint(r.State, ": ", r.Seen))
		})
	}
	for _, id := range []string{"T3", "T6", "T7", "T10", "T12", "T15", "T18"} {
		if r := lab.Attack(t.Context(), attacks[id]); r.State != isolation.Held {
			t.Errorf("with all protections back, %s is %s: %s", id, r.State, r.Seen)
		}
	}
}
