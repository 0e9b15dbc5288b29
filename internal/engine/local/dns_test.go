package local_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/cloister-dev/cloister/internal/engine"
)

func TestTheNamesOfASpace(t *testing.T) {
	var many engine.Name
	for i := range 100 {
		many.Addresses = append(many.Addresses, netip.AddrFrom4([4]byte{10, 0, 130, byte(i)}))
	}
	many.Name = "many.app.localspace."
	n := newNamesTest(t, "own", nil, named("1.web.a.app.localspace.", "10.0.128.1"), named("2.web.a.app.localspace.", "10.0.144.1"),
		named("a.app.localspace.", "10.0.128.1", "10.0.144.1"), many, named("shop-0a.apps.example.", "10.0.0.10"),
		named("web.a.app.localspace.", "10.0.128.1", "10.0.144.1"))

	for _, network := range []string{"udp", "tcp"} {
		first := map[string]int{}
		for range 40 {
			r := n.ask(n.w, network, question("wEb.a.app.LOCALSPACE.", dns.TypeA))
			if got := answers(r); !slices.Equal(got, []string{"10.0.128.1", "10.0.144.1"}) || !r.Authoritative || r.Answer[0].Header().Ttl != 1 {
				t.Fatalf("over %s: %v", network, r)
			}
			first[r.Answer[0].(*dns.A).A.String()]++
		}
		if len(first) != 2 {
			t.Errorf("over %s one address is always first: %v", network, first)
		}
	}
	for _, c := range []struct {
		name  string
		typ   uint16
		rcode int
		want  string
	}{
		{"1.web.a.app.localspace.", dns.TypeA, dns.RcodeSuccess, "10.0.128.1"},
		{"shop-0a.apps.example.", dns.TypeA, dns.RcodeSuccess, "10.0.0.10"},
		{"shop-0a.apps.example.", dns.TypeAAAA, dns.RcodeSuccess, ""},
		{"web.a.app.localspace.", dns.TypeAAAA, dns.RcodeSuccess, ""},
		{"web.a.app.localspace.", dns.TypeMX, dns.RcodeSuccess, ""},
		{"app.localspace.", dns.TypeA, dns.RcodeSuccess, ""}, // there is something below it
		{"localspace.", dns.TypeNS, dns.RcodeSuccess, ""},
		{"3.web.a.app.localspace.", dns.TypeA, dns.RcodeNameError, ""},
		{"web.b.app.localspace.", dns.TypeA, dns.RcodeNameError, ""},
		{"leak.localspace.", dns.TypeTXT, dns.RcodeNameError, ""},
		{"1.128.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, "1.web.a.app.localspace."},
		{"2.128.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
		{"10.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
		{"10.in-addr.arpa.", dns.TypeNS, dns.RcodeNameError, ""},
		{"b._dns-sd._udp.0.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
		{"1.0.64.100.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
		{"254.169.254.169.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
		{"9.9.168.192.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
		{"8.b.d.0.1.0.0.2.ip6.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
		{"0.0.d.f.ip6.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
	} {
		r := n.ask(n.w, "udp", question(c.name, c.typ))
		if got := strings.Join(answers(r), " "); r.Rcode != c.rcode || got != c.want || !r.Authoritative {
			t.Errorf("%s %s: %s %q", c.name, dns.TypeToString[c.typ], dns.RcodeToString[r.Rcode], got)
		}
		if c.want != "" {
			continue
		}
		if len(r.Ns) != 1 || r.Ns[0].Header().Ttl > 1 || r.Ns[0].(*dns.SOA).Minttl > 1 || !dns.IsSubDomain(r.Ns[0].Header().Name, c.name) {
			t.Errorf("%s: its absence may be remembered as %v says", c.name, r.Ns)
		}
	}

	large := question("many.app.localspace.", dns.TypeA)
	for size, limit := range map[uint16]int{0: 512, 4096: 1232} {
		if size > 0 {
			large.SetEdns0(size, false)
		}
		if r := n.ask(n.w, "udp", large); !r.Truncated || len(r.Answer) == 0 || r.Len() > limit {
			t.Errorf("with room for %d bytes: %d bytes, %d addresses, truncated: %v", size, r.Len(), len(r.Answer), r.Truncated)
		}
		large.Extra = nil
	}
	if r := n.ask(n.w, "tcp", large); r.Truncated || len(r.Answer) != 100 {
		t.Errorf("over TCP: %d addresses, truncated: %v", len(r.Answer), r.Truncated)
	}

	for _, q := range []*dns.Msg{question("web.a.app.localspace.", dns.TypeANY), question("localspace.", dns.TypeAXFR),
		question("a.app.localspace.", dns.TypeIXFR), question("example.test.", dns.TypeANY), question("example.test.", dns.TypeAXFR)} {
		for _, network := range []string{"udp", "tcp"} {
			if r := n.ask(n.w, network, q); r.Rcode != dns.RcodeRefused || len(r.Answer) > 0 {
				t.Errorf("%v over %s: %v", q.Question[0], network, r)
			}
		}
	}
	version := question("version.bind.", dns.TypeTXT)
	version.Question[0].Qclass = dns.ClassCHAOS
	if r := n.ask(n.w, "udp", version); r.Rcode != dns.RcodeRefused {
		t.Errorf("version.bind: %v", r)
	}
	if left := n.out.questions(); len(left) > 0 {
		t.Errorf("these questions left the machine: %v", left)
	}
}

func TestNoNameLeadsInside(t *testing.T) {
	hostile := "10.0.128.1 192.168.1.1 172.16.0.1 127.0.0.1 0.0.0.0 169.254.169.254 100.64.0.1 168.63.129.16 224.0.0.1 255.255.255.255 198.51.100.7"
	knows := map[string][]string{
		"good.test. A":    {"good.test. 60 IN A 20.0.0.10", "good.test. 60 IN A 20.0.0.11"},
		"good.test. AAAA": {"good.test. 60 IN AAAA 2606:4700::1111"},
		"mixed.test. A":   {"mixed.test. 60 IN A 20.0.0.10", "mixed.test. 60 IN A 10.0.0.1"},
		"alias.test. A":   {"alias.test. 60 IN CNAME other.test.", "other.test. 60 IN CNAME good.test.", "good.test. 60 IN A 20.0.0.10"},
		"bad.test. A":     {"bad.test. 60 IN CNAME other.test.", "other.test. 60 IN A 169.254.169.254"},
		"into.test. A":    {"into.test. 60 IN CNAME web.a.app.localspace.", "web.a.app.localspace. 60 IN A 20.0.0.66"},
		"poison.test. A": {"poison.test. 60 IN A 20.0.0.10", "bank.test. 60 IN A 20.0.0.66",
			"authority: test. 60 IN NS ns.evil.test.", "additional: ns.evil.test. 60 IN A 10.0.0.1", "additional: bank.test. 60 IN A 20.0.0.66"},
		"svc.test. HTTPS": {"svc.test. 60 IN HTTPS 1 . alpn=h2 ipv4hint=10.0.0.1", "svc.test. 60 IN HTTPS 2 . alpn=h2 ipv4hint=20.0.0.10"},
		"none.test. A":    {"authority: test. 60 IN SOA ns.test. me.test. 1 2 3 4 5"},
	}
	want := map[string]string{
		"good.test. A": "20.0.0.10 20.0.0.11", "good.test. AAAA": "2606:4700::1111", "mixed.test. A": "20.0.0.10",
		"alias.test. A": "20.0.0.10 good.test. other.test.", "bad.test. A": "other.test.", "into.test. A": "",
		"poison.test. A": "20.0.0.10", "svc.test. HTTPS": `2 . alpn="h2" ipv4hint="20.0.0.10"`, "none.test. A": "",
	}
	for i, a := range strings.Fields(hostile) {
		knows[fmt.Sprintf("h%d.test. A", i)] = []string{fmt.Sprintf("h%d.test. 60 IN A %s", i, a)}
		want[fmt.Sprintf("h%d.test. A", i)] = ""
	}
	for i, a := range strings.Fields("::1 :: ::ffff:10.0.0.1 ::ffff:20.0.0.10 64:ff9b::a00:1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 2002:a00:1:: 2001::1 ::10.0.0.1") {
		knows[fmt.Sprintf("h%d.test. AAAA", i)] = []string{fmt.Sprintf("h%d.test. 60 IN AAAA %s", i, a)}
		want[fmt.Sprintf("h%d.test. AAAA", i)] = ""
	}
	n := newNamesTest(t, "rebind", knows)
	for key := range knows {
		name, typ, _ := strings.Cut(key, " ")
		for _, network := range []string{"udp", "tcp"} {
			q := question(name, dns.StringToType[typ])
			q.SetEdns0(1232, false)
			r := n.ask(n.w, network, q)
			if got := strings.Join(answers(r), " "); r.Rcode != dns.RcodeSuccess || got != want[key] {
				t.Errorf("%s over %s: %s %q, want %q", key, network, dns.RcodeToString[r.Rcode], got, want[key])
			}
			for _, rr := range append(slices.Clone(r.Ns), r.Extra...) {
				if h := rr.Header().Rrtype; h != dns.TypeOPT && h != dns.TypeSOA {
					t.Errorf("%s: %v was passed on", key, rr)
				}
			}
		}
	}
	q := question("bad.test.", dns.TypeA)
	q.SetEdns0(1232, false)
	if r := n.ask(n.w, "udp", q); !strings.Contains(r.String(), "not public") {
		t.Errorf("nobody is told why: %v", r)
	}
	if out, status := n.exec(n.e, n.w, "nslookup", "-type=a", "good.test"); status != 0 || !strings.Contains(out, "20.0.0.11") {
		t.Errorf("nslookup: status %d: %s", status, out)
	}
}

func TestAForgedAnswerIsNotTaken(t *testing.T) {
	n := newNamesTest(t, "forge", map[string][]string{"good.test. A": {"good.test. 60 IN A 20.0.0.10"}})
	var ids []uint16
	n.out.before = func(w dns.ResponseWriter, q *dns.Msg) {
		ids = append(ids, q.Id)
		forged := new(dns.Msg).SetReply(q)
		evil, _ := dns.NewRR("good.test. 60 IN A 20.0.0.66")
		forged.Answer = []dns.RR{evil}
		forged.Id++
		w.WriteMsg(forged) // somebody guessed
		forged.Id = q.Id
		forged.Question[0].Name = "other.test."
		w.WriteMsg(forged) // or it answers what was asked before
		w.Write([]byte{byte(q.Id >> 8), byte(q.Id), 0x80, 0, 0, 1, 0, 9, 0, 0, 0, 0, 1})
	}
	for range 8 {
		q := question("good.test.", dns.TypeA)
		q.Id = 7
		if r := n.ask(n.w, "udp", q); r.Id != 7 || !slices.Equal(answers(r), []string{"20.0.0.10"}) {
			t.Errorf("the answer is %v", r)
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) < 4 || slices.Contains(ids, 7) && len(ids) < 7 {
		t.Errorf("the ids of questions can be guessed: %v", ids)
	}
}

func TestASealedSpaceAsksNobody(t *testing.T) {
	n := newNamesTest(t, "sealed", map[string][]string{"good.test. A": {"good.test. 60 IN A 20.0.0.10"}})
	n.space.Egress = []engine.Pass{}
	n.rename(named("web.a.app.localspace.", "10.0.128.1"))
	if r := n.ask(n.w, "udp", question("secret.good.test.", dns.TypeA)); r.Rcode != dns.RcodeRefused {
		t.Errorf("a name outside: %v", r)
	}
	if r := n.ask(n.w, "udp", question("web.a.app.localspace.", dns.TypeA)); len(r.Answer) != 1 {
		t.Errorf("a name inside: %v", r)
	}
	if left := n.out.questions(); len(left) > 0 {
		t.Errorf("these questions left the machine: %v", left)
	}
}

// Names change with every dyno that comes and goes, so nothing else may be touched by that.
func TestNewNamesLeaveTheNetworkAlone(t *testing.T) {
	n := newNamesTest(t, "swap", nil, named("old.app.localspace.", "10.0.128.1"))
	rules := func() string {
		t.Helper()
		inside, err := exec.Command("nsenter", "--net="+filepath.Join(n.config.Run, "netns", "space-"+n.space.ID), "nft", "-a", "list", "ruleset").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, inside)
		}
		machine, err := exec.Command("nft", "-a", "list", "table", "inet", n.config.Name).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, machine)
		}
		return string(inside) + string(machine)
	}
	watch := n.run(n.e, n.space, "probe", "watch", "/etc/heroku")
	n.ready(n.e, watch)
	before := rules() // with the handles of rules, which are given out anew when a table is loaded
	began := time.Now()
	const times = 100
	for i := range times {
		n.space.Topology = fmt.Appendf(nil, `{"version":%d}`, i)
		n.rename(named("new.app.localspace.", fmt.Sprintf("10.0.128.%d", i)))
	}
	t.Logf("a change of names takes %v", time.Since(began)/times)
	if after := rules(); after != before {
		t.Errorf("the firewall was loaded again:\n%s\n%s", before, after)
	}
	if r := n.ask(n.w, "udp", question("new.app.localspace.", dns.TypeA)); !slices.Equal(answers(r), []string{"10.0.128.99"}) {
		t.Errorf("the new name: %v", r)
	}
	if r := n.ask(n.w, "udp", question("old.app.localspace.", dns.TypeA)); r.Rcode != dns.RcodeNameError {
		t.Errorf("the old name: %v", r)
	}
	seen := map[string]int{}
	n.lines(n.e, watch, func(l engine.Line) bool {
		seen[l.Text]++
		return seen["space-topology.json"] == times
	})
	if seen["space-topology.json"] != times || seen["space-topology.v1.json"] != times {
		t.Errorf("of %d changes a dyno saw %v", times, seen)
	}
}
