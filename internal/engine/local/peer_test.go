package local_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// with adds a peer that is a space.
func with(s engine.Space, id string, prefixes ...string) engine.Space {
	p := engine.Peer{ID: s.ID + id, Space: id}
	for _, r := range prefixes {
		p.Prefixes = append(p.Prefixes, prefix(r))
	}
	s.Peers = append(s.Peers[:len(s.Peers):len(s.Peers)], p)
	return s
}

func TestPeersAreJoinedWhenBothWantIt(t *testing.T) {
	m := newMachine(t, "peers")
	m.surround()
	e := m.open()
	var s [3]engine.Space // a line: 0 and 1 are peers, and 1 and 2
	var w [3]engine.Workload
	for i, network := range []string{"10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"} {
		s[i] = engine.Space{ID: cloister.NewID(), Dynos: prefix(network), Data: prefix("172.2" + string(rune('3'+i)) + ".0.0/20"), Internal: prefix(network).Addr().Next().Next().Next()}
		m.ensure(e, s[i])
		w[i] = m.start(e, engine.Workload{Space: s[i].ID, Port: 5000, Zone: "a", Command: []string{"probe", "serve", "0.0.0.0:5000"}})
	}
	data := m.start(e, engine.Workload{Space: s[1].ID, Subnet: engine.Data, Command: []string{"probe", "serve", "0.0.0.0:5000"}})
	for _, v := range append(w[:], data) {
		m.ready(e, v)
	}
	for i := range 2 {
		m.background(m.inside(m.config.Run+"/netns/space-"+s[i].ID, "serve", s[i].Internal.String()+":8080"))
	}
	m.route(e)
	at := func(w engine.Workload) string { return m.status(e, w).Address.String() }
	reaches := func(from engine.Workload, to string, want bool) {
		t.Helper()
		seen, ok := m.dial(e, from, "tcp", to)
		if ok != want || ok && seen != at(from) {
			t.Errorf("%s to %s: seen as %q, %v, want %v", at(from), to, seen, ok, want)
		}
	}
	one := s
	one[0] = with(s[0], s[1].ID, "10.1.0.0/16")
	m.ensure(e, one[0])
	reaches(w[0], at(w[1])+":5000", false)
	one[1] = with(with(s[1], s[0].ID, "10.0.0.0/16"), s[2].ID, "10.2.0.0/16")
	m.ensure(e, one[1])
	one[2] = with(s[2], s[1].ID, "10.1.0.0/16", "10.0.0.0/16") // it wants more than there is
	m.ensure(e, one[2])
	for i := range 2 {
		reaches(w[i], at(w[i+1])+":5000", true)
		reaches(w[i+1], at(w[i])+":5000", true)
	}
	if out, status := m.exec(e, w[0], "probe", "ping", at(w[1])); status != 0 {
		t.Errorf("ping: %s", out)
	}
	reaches(w[2], at(w[0])+":5000", false) // not through another
	reaches(w[0], at(data)+":5000", false)
	reaches(data, at(w[0])+":5000", false)
	reaches(w[0], s[0].Internal.String()+":80", true)
	reaches(w[0], s[1].Internal.String()+":80", true)
	reaches(w[1], s[1].Internal.String()+":80", true)
	reaches(data, s[1].Internal.String()+":80", false)
	reaches(w[0], s[0].Internal.String()+":8080", false)
	reaches(w[0], s[1].Internal.String()+":8080", false)
	reaches(w[2], s[0].Internal.String()+":80", false)
	reaches(w[0], "10.1.0.2:53", false)

	// The one that is left out does not notice.
	other := m.run(e, s[2], "probe", "hold", at(w[1])+":5000")
	for range 2 {
		held := m.run(e, s[0], "probe", "hold", at(w[1])+":5000")
		m.goesOn(e, held)
		m.ensure(e, with(s[1], s[2].ID, "10.2.0.0/16"))
		m.until("it is cut", func() bool { return m.status(e, held).Phase == engine.Exited })
		reaches(w[1], at(w[0])+":5000", false)
		m.goesOn(e, other)
		m.ensure(e, one[1])
		reaches(w[1], at(w[0])+":5000", true)
	}
	m.ensure(e, s[2])
	m.until("the other side ends it", func() bool { return m.status(e, other).Phase == engine.Exited })

	for _, v := range []engine.Workload{w[1], data} { // a peer that is dropped, and made again
		if err := e.Drop(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.DropSpace(t.Context(), s[1].ID); err != nil {
		t.Fatal(err)
	}
	m.ensure(e, one[0])
	m.ensure(e, one[1])
	again := m.start(e, engine.Workload{Space: s[1].ID, Zone: "a", Command: []string{"probe", "serve", "0.0.0.0:5000"}})
	m.ready(e, again)
	reaches(w[0], at(again)+":5000", true)
	bad := with(s[0], s[1].ID, "10.0.128.0/20")
	if err := e.EnsureSpace(t.Context(), bad); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("a peer with our own addresses: %v", err)
	}
}

func TestANetworkOfTheOperatorsIsAPeer(t *testing.T) {
	m := newMachine(t, "office")
	m.config.Networks = []local.Network{
		{Name: "office", Interface: "br0", Addresses: prefix("192.168.50.64/28"), Prefixes: []netip.Prefix{prefix("192.168.50.0/24")}},
		{Name: "plant", Interface: "plant", Addresses: prefix("192.168.60.64/28"), Prefixes: []netip.Prefix{prefix("192.168.60.0/24")}},
	}
	m.surround()
	m.Cleanup(func() {
		m.sh("ip link del br0; ip link del office; ip link del plant; ip netns del office-office; ip netns del office-plant")
	})
	m.sh("ip link add br0 type bridge && ip addr add 192.168.50.1/24 dev br0 && ip link set br0 up")
	for name, net := range map[string]string{"office": "192.168.50", "plant": "192.168.60"} {
		m.sh("ip netns add office-" + name + " && ip link add " + name + " type veth peer name eth0 netns office-" + name + " && ip link set " + name + " up")
		m.sh("ip -n office-" + name + " addr add " + net + ".10/24 dev eth0 && ip -n office-" + name + " link set eth0 up")
		m.sh("ip -n office-" + name + " route add 10.0.0.0/16 via " + net + ".65")
		m.background(m.inside(name, "serve", "0.0.0.0:5000"))
	}
	m.sh("ip route add 10.0.0.0/16 via 192.168.50.65") // a machine that knows the way back, for what should never come
	m.sh("ip link set office master br0 && ip addr add 192.168.60.1/24 dev plant")
	e := m.open()
	a := engine.Space{ID: cloister.NewID(), Dynos: prefix("10.0.0.0/16"), Data: prefix("172.23.0.0/20"), Internal: addr("10.0.0.3")}
	b := a
	b.ID, b.Dynos, b.Data = cloister.NewID(), prefix("10.1.0.0/16"), netip.Prefix{}
	b.Internal = netip.Addr{}
	a.Peers = []engine.Peer{{ID: "1", Network: "office", Prefixes: []netip.Prefix{prefix("192.168.50.0/24")}}, {ID: "2", Network: "plant", Prefixes: []netip.Prefix{prefix("192.168.60.0/24")}}}
	m.ensure(e, a)
	b.Peers = a.Peers
	m.ensure(e, b)
	web := m.start(e, engine.Workload{Space: a.ID, Zone: "a", Port: 5000, Command: []string{"probe", "serve", "0.0.0.0:5000"}})
	data := m.start(e, engine.Workload{Space: a.ID, Subnet: engine.Data, Command: []string{"probe", "serve", "0.0.0.0:5000"}})
	m.ready(e, web)
	m.background(m.inside(m.config.Run+"/netns/space-"+a.ID, "serve", "10.0.0.3:8080"))
	m.route(e)
	own := m.status(e, web).Address.String()
	for name, net := range map[string]string{"office": "192.168.50", "plant": "192.168.60"} {
		if seen, ok := m.dial(e, web, "tcp", net+".10:5000"); !ok || seen != own {
			t.Errorf("%s: seen as %q", name, seen)
		}
		if seen, ok := m.in(name, "dial", "tcp", own+":5000"); !ok || addressOf(seen) != net+".10" {
			t.Errorf("from %s: seen as %q", name, seen)
		}
		if seen, ok := m.in(name, "dial", "tcp", "10.0.0.3:80"); !ok {
			t.Errorf("the router does not answer %s: %q", name, seen)
		}
		if out, ok := m.in(name, "none", "10.0.0.3:8080", "10.0.0.2:53", net+".65:80", net+".66:80"); !ok || out != "" {
			t.Errorf("from %s: %s", name, out)
		}
		if out, _ := m.exec(e, web, "probe", "none", net+".1:7000", net+".66:5000"); out != "" {
			t.Errorf("the machine answers on %s: %s", name, out)
		}
		if _, ok := m.dial(e, data, "tcp", net+".10:5000"); ok {
			t.Errorf("data services reach %s", name)
		}
	}
	for _, v := range []string{own + ":5000", "192.168.50.65:80", "10.0.0.3:80"} {
		if out, ok := m.in("/proc/self/ns/net", "none", v); !ok || out != "" {
			t.Errorf("the machine reaches %s", out)
		}
	}
	held := m.run(e, a, "probe", "hold", "192.168.50.10:5000")
	m.goesOn(e, held)
	e.Close()
	e = m.open()
	m.goesOn(e, held)
	a.Peers = a.Peers[1:]
	m.ensure(e, a)
	m.until("it is cut", func() bool { return m.status(e, held).Phase == engine.Exited })
	bad := a
	bad.Peers = []engine.Peer{{ID: "1", Network: "nowhere", Prefixes: []netip.Prefix{prefix("192.168.50.0/24")}}}
	if err := e.EnsureSpace(t.Context(), bad); cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a network that is not there: %v", err)
	}
	bad.Peers = []engine.Peer{{ID: "1", Network: "plant", Prefixes: []netip.Prefix{prefix("192.168.0.0/16")}}}
	if err := e.EnsureSpace(t.Context(), bad); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("more than the network has: %v", err)
	}
}
