package local_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// doorway is a machine with ingress pools, and a router on its own ports.
func doorway(t *testing.T, name string) *machine {
	m := newMachine(t, name)
	m.config.Ingress = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28"), netip.MustParsePrefix("2001:db8:1::/64")}
	m.config.HTTPPort, m.config.HTTPSPort = 8080, 8443
	m.surround()
	m.sh("ip addr add 2001:db8:9::1/64 dev lan nodad")
	m.sh("ip -n " + name + "-lan addr add 2001:db8:9::10/64 dev eth0 nodad")
	m.sh("ip -n " + name + "-lan route add default via 2001:db8:9::1")
	m.background(m.inside("/proc/self/ns/net", "serve", "0.0.0.0:8080", "0.0.0.0:8443", "[::]:8080"))
	return m
}

func TestIngressAnswersNobodyButTheTrusted(t *testing.T) {
	m := doorway(t, "ingress")
	e := m.open()
	a := engine.Space{ID: cloister.NewID(), Dynos: netip.MustParsePrefix("10.0.0.0/16"), Outbound: []netip.Addr{addr("198.51.100.1")},
		Ingress: []netip.Addr{addr("203.0.113.1"), addr("2001:db8:1::1")}}
	b := a
	b.ID, b.Outbound, b.Ingress = cloister.NewID(), []netip.Addr{addr("198.51.100.5")}, []netip.Addr{addr("203.0.113.2")}
	m.ensure(e, a)
	m.ensure(e, b)
	none := func(addresses ...string) {
		t.Helper()
		if out, ok := m.in("lan", append([]string{"none"}, addresses...)...); !ok || out != "" {
			t.Errorf("it answers: %s", out)
		}
	}
	seen := func(address, want string) {
		t.Helper()
		if out, ok := m.in("lan", "dial", "tcp", address); !ok || addressOf(out) != want {
			t.Errorf("%s: %q, want to be seen as %s", address, out, want)
		}
	}
	wire := m.follow(m.inside("lan", "capture", "203.0.113.1"))
	none("203.0.113.1:80", "203.0.113.1:443", "203.0.113.1:8080", "203.0.113.3:80", "[2001:db8:1::1]:80", "[2001:db8:1::1]:8080")
	if wire.String() != "ready\n" {
		t.Errorf("a stranger was sent something: %s", wire.String())
	}

	a.Trusted = []netip.Prefix{netip.MustParsePrefix("20.0.1.0/24"), netip.MustParsePrefix(clientAddress + "/32"), netip.MustParsePrefix("2001:db8:9::/64")}
	m.ensure(e, a)
	seen("203.0.113.1:80", clientAddress)
	seen("203.0.113.1:443", clientAddress)
	seen("[2001:db8:1::1]:80", "2001:db8:9::10")
	none("203.0.113.1:8080", "203.0.113.1:7000", "203.0.113.2:80", "203.0.113.3:80", "[2001:db8:1::1]:8080")

	held := m.follow(m.inside("lan", "hold", "203.0.113.1:80"))
	for i := range 40 { // other spaces' changes disturb nobody
		b.Trusted = cloister.Everyone()[:i%2]
		m.ensure(e, b)
	}
	if strings.Contains(held.String(), "probe:") {
		t.Errorf("a trusted connection broke: %s", held.String())
	}
	a.Trusted = nil
	m.ensure(e, a)
	sent := wire.String()
	m.until("the connection is cut", func() bool { return strings.Contains(held.String(), "probe:") })
	if wire.String() != sent {
		t.Error("something was sent to a stranger after the change")
	}

	a.Trusted = cloister.Everyone()
	m.ensure(e, a)
	seen("203.0.113.1:80", clientAddress)
	seen("[2001:db8:1::1]:80", "2001:db8:9::10")
	if err := e.DropSpace(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	none("203.0.113.1:80", "[2001:db8:1::1]:80")
	b.Ingress = append(b.Ingress, addr("192.0.2.1"))
	if err := e.EnsureSpace(t.Context(), b); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("an address outside the pool: %v", err)
	}
}

func TestDynosAreStrangersAtIngress(t *testing.T) {
	m := doorway(t, "hairpin")
	e := m.open()
	a := m.space(e, "198.51.100.1")
	b := a
	b.ID, b.Outbound, b.Ingress, b.Trusted = cloister.NewID(), []netip.Addr{addr("198.51.100.5")}, []netip.Addr{addr("203.0.113.2")}, nil
	m.ensure(e, b)
	w := m.run(e, a, "sleep", "1000")
	none := func(addresses ...string) {
		t.Helper()
		if out, status := m.exec(e, w, append([]string{"probe", "none"}, addresses...)...); status != 0 || out != "" {
			t.Errorf("it answers: %s", out)
		}
	}
	none("203.0.113.2:80", "203.0.113.2:443")
	b.Trusted = []netip.Prefix{netip.MustParsePrefix("198.51.100.1/32")}
	m.ensure(e, b)
	for _, port := range []string{"80", "443"} {
		if seen, ok := m.dial(e, w, "tcp", "203.0.113.2:"+port); !ok || seen != "198.51.100.1" {
			t.Errorf("port %s: seen as %q", port, seen)
		}
	}
	none("203.0.113.2:8080", "203.0.113.2:7000", "203.0.113.3:80", machineAddress+":8080", lanAddress+":8080")
	a.Egress = []engine.Pass{}
	m.ensure(e, a)
	none("203.0.113.2:80")
}
