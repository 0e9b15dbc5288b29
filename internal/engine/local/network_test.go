package local_test

import (
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Two spaces with the same networks, and in each a web process at the same address.
type twins struct {
	*machine
	e              engine.Engine
	a, b           engine.Space
	webA, webB     engine.Workload
	otherA, otherB engine.Workload // otherA has an address that nobody has in b
}

func newTwins(t *testing.T, name string) *twins {
	m := newMachine(t, name)
	m.surround()
	w := &twins{machine: m, e: m.open()}
	w.a, w.b = m.space(w.e, "198.51.100.1", "198.51.100.2"), m.space(w.e, "198.51.100.5", "198.51.100.6")
	web := engine.Workload{Zone: "a", Port: 5000, Command: []string{"probe", "serve", "0.0.0.0:5000", "0.0.0.0:6000"}}
	web.Space = w.a.ID
	w.webA = m.start(w.e, web)
	web.Space = w.b.ID
	w.webB = m.start(w.e, web)
	w.otherA = m.start(w.e, engine.Workload{Zone: "a", Space: w.a.ID, Command: []string{"probe", "serve", "0.0.0.0:5000"}})
	w.otherB = m.start(w.e, engine.Workload{Zone: "b", Space: w.b.ID, Command: []string{"sleep", "1000"}})
	for _, v := range []engine.Workload{w.webA, w.webB, w.otherA} {
		m.ready(w.e, v)
	}
	return w
}

func TestNetwork(t *testing.T) {
	w := newTwins(t, "net")
	for _, c := range []struct {
		name  string
		check func(*testing.T, *twins)
	}{
		{"spaces with the same network do not meet", apart},
		{"dynos of one space reach one another", together},
		{"the outside sees a space's own addresses", outbound},
		{"the machine and what is private are out of reach", forbidden},
		{"strangers find no way in", strangers},
		{"only the router reaches web processes", routerOnly},
		{"a change of the firewall does not disturb what flows", undisturbed},
		{"builds have the internet and nothing else", builds},
		{"outbound addresses belong to one space", exclusive},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner := *w
			inner.machine = &machine{T: t, config: w.config, image: w.image}
			c.check(t, &inner)
		})
	}
}

func apart(t *testing.T, w *twins) {
	if a, b := w.status(w.e, w.webA).Address, w.status(w.e, w.webB).Address; a != b || a.String() != "10.0.128.1" {
		t.Errorf("addresses are %s and %s, want both 10.0.128.1", a, b)
	}
	inA := w.status(w.e, w.otherA).Address.String()
	for _, network := range []string{"tcp", "udp"} {
		if seen, ok := w.dial(w.e, w.otherB, network, inA+":5000"); ok {
			t.Errorf("%s from one space reached the other, which saw %s", network, seen)
		}
	}
	if out, status := w.exec(w.e, w.otherB, "probe", "ping", inA); status == 0 {
		t.Errorf("ping reached the other space: %s", out)
	}
}

func together(t *testing.T, w *twins) {
	to, from := w.status(w.e, w.webA).Address.String(), w.status(w.e, w.otherA).Address.String()
	for _, network := range []string{"tcp", "udp"} {
		for _, port := range []string{"5000", "6000"} {
			if seen, ok := w.dial(w.e, w.otherA, network, to+":"+port); !ok || seen != from {
				t.Errorf("%s to port %s: seen as %q, want %s", network, port, seen, from)
			}
		}
	}
	if out, status := w.exec(w.e, w.otherA, "probe", "ping", to); status != 0 {
		t.Errorf("ping: %s", out)
	}
	if out, _ := w.exec(w.e, w.otherA, "sh", "-c", "echo $HEROKU_PRIVATE_IP"); strings.TrimSpace(out) != from {
		t.Errorf("HEROKU_PRIVATE_IP is %q, want %s", out, from)
	}
}

func outbound(t *testing.T, w *twins) {
	for _, c := range []struct {
		from engine.Workload
		of   engine.Space
	}{{w.webA, w.a}, {w.otherA, w.a}, {w.webB, w.b}, {w.otherB, w.b}} {
		first, ok := w.dial(w.e, c.from, "tcp", internetAddress+":443")
		if !ok || !slices.Contains(c.of.Outbound, addr(first)) {
			t.Errorf("seen as %q, want one of %v", first, c.of.Outbound)
		}
		if again, _ := w.dial(w.e, c.from, "udp", internetAddress+":443"); again != first {
			t.Errorf("seen as %q by UDP, and by TCP as %q", again, first)
		}
		if _, ok := w.dial(w.e, c.from, "tcp", internetAddress+":25"); ok {
			t.Error("mail can be sent")
		}
	}
	if out, status := w.exec(w.e, w.webA, "probe", "ping", internetAddress); status != 0 {
		t.Errorf("ping: %s", out)
	}
}

func addr(s string) netip.Addr { a, _ := netip.ParseAddr(s); return a }

func forbidden(t *testing.T, w *twins) {
	out, status := w.exec(w.e, w.otherA, "probe", "none",
		machineAddress+":7000", lanAddress+":7000", "100.64.0.1:7000", // the machine
		"169.254.1.1:7000", "169.254.1.2:7000", "10.0.0.2:7000", // the next hops and the resolver
		privateAddress+":443", "169.254.169.254:80", // private outside, and metadata
		w.status(w.e, w.webB).Endpoint.String(), w.b.Outbound[0].String()+":5000", // another space
		w.status(w.e, w.webA).Endpoint.String(), "10.0.200.1:5000") // its own space, by a way that is not its own
	if out != "" || status != 0 {
		t.Errorf("status %d: %s", status, out)
	}
	if out, _ := w.exec(w.e, w.otherA, "cat", "/proc/net/if_inet6"); strings.TrimSpace(out) != "" && !strings.Contains(out, "No such file") {
		t.Errorf("there is IPv6: %s", out)
	}
}

func strangers(t *testing.T, w *twins) {
	s := w.status(w.e, w.webA)
	for _, place := range []string{"lan", "net"} {
		out, err := exec.Command("ip", "netns", "exec", w.config.Name+"-"+place, w.probe(), "none", s.Endpoint.String(),
			w.a.Outbound[0].String()+":5000", w.a.Outbound[1].String()+":5000", s.Address.String()+":5000").CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("from %s: %v: %s", place, err, out)
		}
	}
}

func routerOnly(t *testing.T, w *twins) {
	for _, web := range []engine.Workload{w.webA, w.webB} {
		w.until("the port is seen", func() bool { return w.status(w.e, web).Listening })
		s := w.status(w.e, web)
		if seen, ok := w.dialAs(routerUID, s.Endpoint.String()); !ok || seen != "100.64.0.1" {
			t.Errorf("the router does not get through: seen as %q", seen)
		}
		other := netip.AddrPortFrom(s.Endpoint.Addr(), 6000).String()
		if _, ok := w.dialAs(routerUID, other); ok {
			t.Error("the router reaches a port that is not the web process's")
		}
		for _, uid := range []int{0, 1000} {
			if _, ok := w.dialAs(uid, s.Endpoint.String()); ok {
				t.Errorf("user %d reaches a web process", uid)
			}
		}
	}
}

func undisturbed(t *testing.T, w *twins) {
	in := exec.Command(w.probe(), "hold", w.status(w.e, w.webA).Endpoint.String())
	in.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: routerUID, Gid: routerUID}}
	var said safeBuffer
	in.Stdout, in.Stderr = &said, &said
	if err := in.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Process.Kill(); in.Wait() }()
	out := w.run(w.e, w.a, "probe", "hold", internetAddress+":443")
	last := func() int {
		n := 0
		for l := range strings.Lines(said.String()) {
			n = number(l)
		}
		return n
	}
	w.until("both flow", func() bool { return last() > 3 && w.lastLine(w.e, out) > 3 })
	for i := range 5 {
		changed := w.a
		changed.Trusted = changed.Trusted[:i%2]
		if err := w.e.EnsureSpace(t.Context(), changed); err != nil {
			t.Fatal(err)
		}
		v := w.run(w.e, w.a, "true")
		if err := w.e.Drop(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
	}
	a, b := last(), w.lastLine(w.e, out)
	w.until("both go on", func() bool { return last() > a+5 && w.lastLine(w.e, out) > b+5 })
	if strings.Contains(said.String(), "probe:") {
		t.Errorf("the router's connection broke: %s", said.String())
	}
}

// lastLine is the last number a workload wrote so far; -1 if it has ended.
func (m *machine) lastLine(e engine.Engine, w engine.Workload) int {
	m.Helper()
	if m.status(e, w).Phase == engine.Exited {
		return -1
	}
	text, status := "", m.status(e, w)
	n := 0
	for l, err := range e.Logs(m.Context(), w.ID, status.StartedAt) {
		if err != nil {
			m.Fatal(err)
		}
		if n++; number(l.Text) == 0 {
			m.Fatalf("it said %q", l.Text)
		}
		if text = l.Text; n >= 50 || number(text) > m.seen[w.ID]+5 {
			break
		}
	}
	if m.seen == nil {
		m.seen = map[string]int{}
	}
	m.seen[w.ID] = number(text)
	return number(text)
}

type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func builds(t *testing.T, w *twins) {
	s := engine.Space{ID: cloister.NewID(), Dynos: netip.MustParsePrefix("10.0.0.0/16"), Builds: true}
	if err := w.e.EnsureSpace(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	one := w.run(w.e, s, "probe", "serve", "0.0.0.0:5000")
	two := w.run(w.e, s, "sleep", "1000")
	w.ready(w.e, one)
	if seen, ok := w.dial(w.e, two, "tcp", internetAddress+":443"); !ok || seen != machineAddress {
		t.Errorf("seen as %q, want %s", seen, machineAddress)
	}
	out, status := w.exec(w.e, two, "probe", "none", w.status(w.e, one).Address.String()+":5000", machineAddress+":7000",
		w.status(w.e, w.webA).Endpoint.String(), w.a.Outbound[0].String()+":5000", privateAddress+":443")
	if out != "" || status != 0 {
		t.Errorf("status %d: %s", status, out)
	}
	bad := s
	bad.Outbound = []netip.Addr{netip.MustParseAddr("198.51.100.9")}
	if err := w.e.EnsureSpace(t.Context(), bad); cloister.KindOf(err) != cloister.Invalid && cloister.KindOf(err) != cloister.Conflict {
		t.Errorf("builds with outbound addresses: %v", err)
	}
}

func exclusive(t *testing.T, w *twins) {
	s := engine.Space{ID: cloister.NewID(), Dynos: netip.MustParsePrefix("10.0.0.0/16"), Outbound: w.a.Outbound[:1]}
	if err := w.e.EnsureSpace(t.Context(), s); cloister.KindOf(err) != cloister.Conflict {
		t.Errorf("another space's outbound address: %v", err)
	}
	s.Outbound = []netip.Addr{netip.MustParseAddr("198.18.0.1")}
	if err := w.e.EnsureSpace(t.Context(), s); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("an address outside the pool: %v", err)
	}
}

func TestMasqueradeHidesThePool(t *testing.T) {
	m := newMachine(t, "masq")
	m.config.Masquerade = true
	m.surround()
	e := m.open()
	s := m.space(e, "198.51.100.1")
	w := m.run(e, s, "sleep", "1000")
	if seen, ok := m.dial(e, w, "tcp", internetAddress+":443"); !ok || seen != machineAddress {
		t.Errorf("seen as %q, want %s", seen, machineAddress)
	}
}

func TestNames(t *testing.T) {
	m := newMachine(t, "names")
	m.sh("ip link set lo up")
	answer := func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg).SetReply(q)
		if name := q.Question[0].Name; q.Question[0].Qtype == dns.TypeA && name == "example.test." {
			r.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: []byte{20, 0, 0, 10}}}
		} else if q.Question[0].Qtype == dns.TypeTXT && name == "large.test." {
			for i := range 60 {
				r.Answer = append(r.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60},
					Txt: []string{strconv.Itoa(i) + strings.Repeat("x", 50)}})
			}
			if w.LocalAddr().Network() == "udp" {
				r.Truncate(dns.MinMsgSize)
			}
		} else if name == "leak.localspace." {
			t.Error("a name of the platform's own left the machine")
		}
		w.WriteMsg(r)
	}
	started := make(chan struct{}, 2)
	for _, network := range []string{"udp", "tcp"} {
		s := &dns.Server{Addr: "127.0.0.1:5353", Net: network, Handler: dns.HandlerFunc(answer), NotifyStartedFunc: func() { started <- struct{}{} }}
		go s.ListenAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	m.config.Resolvers = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:5353")}
	e := m.open()
	w := m.run(e, m.space(e), "sleep", "1000")
	if out, status := m.exec(e, w, "nslookup", "-type=a", "example.test"); status != 0 || !strings.Contains(out, internetAddress) {
		t.Errorf("status %d: %s", status, out)
	}
	if out, status := m.exec(e, w, "nslookup", "-type=a", "leak.localspace"); status == 0 || !strings.Contains(out, "NXDOMAIN") {
		t.Errorf("status %d: %s", status, out)
	}
	if out, _ := m.exec(e, w, "cat", "/etc/resolv.conf"); !strings.Contains(out, "nameserver 10.0.0.2\n") {
		t.Errorf("resolv.conf is %q", out)
	}
}
