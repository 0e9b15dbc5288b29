package local_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

func TestEgressIsWhatMayPass(t *testing.T) {
	m := newMachine(t, "egress")
	m.surround()
	e := m.open()
	s := m.space(e, "198.51.100.1")
	w := m.run(e, s, "sleep", "1000")
	held := m.run(e, s, "probe", "hold", internetAddress+":443")
	pinged := func() bool { _, status := m.exec(e, w, "probe", "ping", internetAddress); return status == 0 }
	reached := func(network, port string) bool { _, ok := m.dial(e, w, network, internetAddress+":"+port); return ok }
	is := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	pass := func(protocol int, from, to uint16) engine.Pass {
		return engine.Pass{Target: netip.MustParsePrefix("20.0.0.8/29"), Protocol: protocol, From: from, To: to}
	}
	m.goesOn(e, held)

	s.Egress = []engine.Pass{pass(engine.TCP, 443, 443)}
	m.ensure(e, s)
	is("tcp", reached("tcp", "443"), true)
	is("udp", reached("udp", "443"), false)
	is("ping", pinged(), false)
	m.goesOn(e, held)

	s.Egress = []engine.Pass{pass(engine.UDP, 400, 500), pass(engine.ICMP, 8, 8), pass(engine.AnyProtocol, 0, 65535)}
	s.Egress[2].Target = netip.MustParsePrefix(clientAddress + "/32")
	m.ensure(e, s)
	is("tcp", reached("tcp", "443"), false)
	is("udp", reached("udp", "443"), true)
	is("ping", pinged(), true)
	m.until("what may no longer pass is cut", func() bool { return m.status(e, held).Phase == engine.Exited })

	s.Egress, s.Mail = nil, true
	m.ensure(e, s)
	is("mail", reached("tcp", "25"), true)
	s.Mail = false
	m.ensure(e, s)
	is("mail", reached("tcp", "25"), false)
	s.Egress = []engine.Pass{{Target: netip.MustParsePrefix("0.0.0.0/0"), To: 65535}}
	m.ensure(e, s)
	is("everything", reached("tcp", "443") && pinged(), true)
	is("mail", reached("tcp", "25"), false)
	if out, _ := m.exec(e, w, "probe", "none", privateAddress+":443", machineAddress+":7000"); out != "" {
		t.Errorf("a pass to everything leads to what is private: %s", out)
	}
	for _, p := range []engine.Pass{pass(47, 0, 0), pass(engine.TCP, 2, 1), {Target: netip.MustParsePrefix("::/0")}, {Target: netip.MustParsePrefix("1.2.3.4/8")}} {
		bad := s
		bad.Egress = []engine.Pass{p}
		if k := cloister.KindOf(e.EnsureSpace(t.Context(), bad)); k != cloister.Invalid && k != cloister.Unsupported {
			t.Errorf("%+v is %q", p, k)
		}
	}
}

func TestRulesAreLoadedOnlyWhenTheyChange(t *testing.T) {
	m := newMachine(t, "cheap")
	m.config.Ingress = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28")}
	e := m.open()
	s := m.space(e, "198.51.100.1")
	s.Ingress = []netip.Addr{addr("203.0.113.1")}
	m.ensure(e, s)
	tables := func() (machine, space string) {
		handle := func(prefix []string) string {
			out, err := exec.Command(prefix[0], append(prefix[1:], "nft", "-j", "list", "tables")...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			return string(out)
		}
		return handle([]string{"env"}), handle([]string{"nsenter", "--net=" + m.config.Run + "/netns/space-" + s.ID})
	}
	for _, c := range []struct {
		what           string
		change         func()
		machine, space bool
	}{
		{"nothing", func() {}, false, false},
		{"names", func() {
			s.Names = []engine.Name{{Name: "web.app.localspace.", Addresses: []netip.Addr{addr("10.0.128.1")}}}
			s.Topology = []byte("{}")
		}, false, false},
		{"trusted", func() { s.Trusted = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }, true, false},
		{"ingress", func() { s.Ingress = append(s.Ingress, addr("203.0.113.2")) }, true, false},
		{"egress", func() { s.Egress = []engine.Pass{} }, false, true},
		{"peers", func() {
			s.Peers = []engine.Peer{{Space: "other", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}}
		}, false, true},
	} {
		machine, space := tables()
		c.change()
		m.ensure(e, s)
		machine2, space2 := tables()
		if (machine != machine2) != c.machine || (space != space2) != c.space {
			t.Errorf("%s: the machine's table changed: %v, the space's: %v", c.what, machine != machine2, space != space2)
		}
	}
	m.sh("nft flush ruleset") // as a firewall of the machine's own may do when it is restarted
	m.ensure(e, s)
	if machine, _ := tables(); !strings.Contains(machine, `"cheap"`) {
		t.Errorf("after a flush there is %q", machine)
	}
}
