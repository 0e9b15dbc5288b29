package isolation

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/cloister-dev/cloister/internal/engine"
)

// named gives both spaces names of their own, and shows that each knows its own by UDP and TCP.
func (t *Trial) named(ctx context.Context) error {
	for _, s := range []*Side{t.A, t.B} {
		app := "." + s.Space.ID + ".app.localspace."
		s.Space.Names = []engine.Name{
			{Name: "1.web" + app, Addresses: []netip.Addr{s.Web.Address}},
			{Name: app[1:], Addresses: []netip.Addr{s.Web.Address}},
			{Name: "web" + app, Addresses: []netip.Addr{s.Web.Address}},
		}
		if s == t.B {
			s.Space.Names[2].Addresses = []netip.Addr{s.Only.Address}
		}
		if err := t.engine.EnsureSpace(ctx, s.Space); err != nil {
			return fmt.Errorf("name dynos: %w", err)
		}
		for _, network := range []string{"udp4", "tcp4"} {
			own := s.Space.Names[2]
			m, err := lookup(s.Web.ns, s, network, own.Name, typeA)
			if err != nil || !slices.Equal(addresses(m), own.Addresses) {
				return broken("a space does not know its own name %s by %s: %v %v", own.Name, network, m.RCode, err)
			}
		}
	}
	return nil
}

// foreignNames is T19.
func foreignNames(ctx context.Context, t *Trial) error {
	if err := t.named(ctx); err != nil {
		return err
	}
	b := t.B.Only.Address.As4()
	reverse := fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa.", b[3], b[2], b[1], b[0])
	questions := []string{"localspace.", "app.localspace.", "*.app.localspace.", "isolation-a.app.localspace.", "aaa.isolation-b.app.localspace.",
		"*.isolation-b.app.localspace.", "WEB.Isolation-B.app.LOCALSPACE.", "web.isolation-b.app.localspace.localspace.", reverse,
		"10.in-addr.arpa.", "144.0.10.in-addr.arpa.", "in-addr.arpa."}
	for _, n := range t.B.Space.Names {
		questions = append(questions, n.Name)
	}
	for _, name := range questions {
		for _, kind := range []dnsmessage.Type{typeA, typeAAAA, typeANY, typePTR, typeTXT, typeAXFR, dnsmessage.TypeNS, dnsmessage.TypeSOA, dnsmessage.TypeSRV, typeNSEC} {
			for _, network := range []string{"udp4", "tcp4"} {
				if network == "tcp4" && kind != typeA && kind != typeAXFR {
					continue
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				m, err := lookup(t.A.Web.ns, t.A, network, name, kind)
				if err != nil {
					continue // no answer tells nothing
				}
				t.tells(name, kind, m)
			}
		}
	}
	if t.Upstream != nil && (t.Upstream.heard("localspace") || t.Upstream.heard(".10.in-addr")) {
		t.Through("names of the platform's own, or private addresses, are asked for outside")
	}
	return nil
}

// tells says what an answer gives away: another space's name or address, or more names than were asked for.
func (t *Trial) tells(name string, kind dnsmessage.Type, m dnsmessage.Message) {
	for _, r := range slices.Concat(m.Answers, m.Authorities, m.Additionals) {
		text := strings.ToLower(fmt.Sprintf("%v %#v", r.Header.Name, r.Body))
		owner := strings.ToLower(r.Header.Name.String())
		switch {
		case strings.Contains(text, spaceB) && !strings.Contains(strings.ToLower(name), spaceB):
			t.Through("a question for %s tells %s", name, owner)
		case slices.Contains(addresses(dnsmessage.Message{Answers: []dnsmessage.Resource{r}}), t.B.Only.Address):
			t.Through("%s is %s", name, t.B.Only.Address)
		case slices.ContainsFunc(t.B.Space.Names, func(n engine.Name) bool { return n.Name == owner }) && r.Header.Type != dnsmessage.TypeSOA:
			t.Through("another space's name %s is known", owner)
		case kind != typeA && owner != strings.ToLower(name) && slices.ContainsFunc(t.A.Space.Names, func(n engine.Name) bool { return n.Name == owner }):
			t.Through("a question for %s lists %s", name, owner)
		}
	}
	if slices.ContainsFunc(t.B.Space.Names, func(n engine.Name) bool { return n.Name == strings.ToLower(name) }) && m.RCode == dnsmessage.RCodeSuccess {
		t.Through("%s is not unknown", name)
	}
}

// rebinding is T20.
func rebinding(ctx context.Context, t *Trial) error {
	if t.Upstream == nil {
		return notRun("the machine's name servers are not ours to answer with private addresses; the engine's own test asks hostile ones, and T8 shows that the addresses are out of reach")
	}
	t.Upstream.knows(t.Outside.Address)
	m, err := lookup(t.A.Web.ns, t.A, "udp4", "ok.test.", typeA)
	if err != nil || !slices.Equal(addresses(m), []netip.Addr{t.Outside.Address}) {
		return broken("a public name is not found: %v %v", addresses(m), err)
	}
	for first, bad := range hostile {
		name, kind := first+".rebind.test.", typeA
		if strings.Contains(bad, ":") {
			kind = typeAAAA
		}
		for _, network := range []string{"udp4", "tcp4"} {
			m, err := lookup(t.A.Web.ns, t.A, network, name, kind)
			if err == nil && len(addresses(m)) > 0 {
				t.Through("%s is %s", name, addresses(m)[0])
			}
		}
		if !t.Upstream.heard(name) {
			return broken("the hostile name server is not asked for %s", name)
		}
	}
	if m, err := lookup(t.A.Web.ns, t.A, "udp4", "both.test.", typeA); err == nil && slices.Contains(addresses(m), netip.MustParseAddr("169.254.169.254")) {
		t.Through("both.test. is 169.254.169.254, beside a public address")
	}
	if out, status, err := t.exec(ctx, t.A.Web, "get", "http://meta.rebind.test/"); err != nil {
		return err
	} else if status == 0 {
		t.Through("meta.rebind.test shows %.40q", out)
	}
	return nil
}

// resolver is T21.
func resolver(ctx context.Context, t *Trial) error {
	if err := t.spoofedQuestions(); err != nil {
		return err
	}
	if out, status, err := t.exec(ctx, t.A.Web, "show", "/etc/resolv.conf"); err != nil || status != 0 {
		return broken("resolv.conf cannot be read: %s %v", out, err)
	} else if strings.Contains(out, "search") || strings.Contains(out, "domain") {
		t.Through("dynos search a domain of the machine's: %q", out)
	}
	if t.Upstream == nil {
		t.note("size, poison and tunnel need name servers of ours, which the engine's own test has")
		return nil
	}
	t.Upstream.knows(t.Outside.Address)
	if err := t.amplifies(); err != nil {
		return err
	}
	if err := t.poison(); err != nil {
		return err
	}
	return t.leaks(ctx)
}

// spoofedQuestions asks in the name of others, who must not get an answer.
func (t *Trial) spoofedQuestions() error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	server := netip.AddrPortFrom(t.A.Space.Dynos.Addr().Next().Next(), 53)
	q, err := question("web.isolation-a.app.localspace.", typeA, 0)
	if err != nil {
		return err
	}
	answer := func(p packet) bool {
		h, ok := read(p.Frame)
		return ok && !p.Out && h.SrcPort == 53 && h.DstPort == 40211
	}
	own, err := t.tap(t.A.Web.ns, "who asks", "eth0", answer)
	if err != nil {
		return err
	}
	if err := w.send(udpTo(t.A.Web.at(40211), server, q)); err != nil {
		return err
	}
	if !own.waits(3 * time.Second) {
		return broken("the resolver does not answer a question with the right source")
	}
	own.close()
	others := []*tap{}
	for _, p := range []*Probe{t.A.Near, t.A.Data} {
		v, err := t.tap(p.ns, "somebody in whose name was asked", "", answer)
		if err != nil {
			return err
		}
		others = append(others, v)
	}
	leaving, err := t.tap("", "the machine", t.Places.SpaceLink(spaceA), func(p packet) bool {
		h, ok := read(p.Frame)
		return ok && !p.Out && h.SrcPort == 53 && h.DstPort == 40211
	})
	if err != nil {
		return err
	}
	for range 20 {
		for _, src := range []netip.Addr{t.A.Near.Address, t.A.Data.Address, t.Outside.Address, t.B.Only.Address} {
			if err := w.send(udpTo(netip.AddrPortFrom(src, 40211), server, q)); err != nil {
				return err
			}
		}
	}
	// A question with the right source passes behind them; when it is answered, they have been looked at.
	again, err := t.tap(t.A.Web.ns, "who asks", "eth0", answer)
	if err != nil {
		return err
	}
	if err := w.send(udpTo(t.A.Web.at(40211), server, q)); err != nil {
		return err
	}
	again.waits(3 * time.Second)
	t.none(append(others, leaving)...)
	return nil
}

// amplifies looks how large an answer by UDP can be made, and whether it can be had whole by TCP.
func (t *Trial) amplifies() error {
	for asked, most := range map[int]int{0: 512, 1232: 1232, 4096: 1232, 65000: 1232} {
		m, n, err := lookupSize(t.A.Web.ns, t.A, "udp4", "big.test.", typeTXT, asked)
		if err != nil {
			return broken("a large answer does not come at all: %w", err)
		}
		if n > most {
			t.Through("a question of 40 bytes that allows %d gets %d by UDP", asked, n)
		} else if !m.Truncated {
			return broken("a large answer comes in %d bytes and is not cut", n)
		}
	}
	m, _, err := lookupSize(t.A.Web.ns, t.A, "tcp4", "big.test.", typeTXT, 0)
	if err != nil || len(m.Answers) != 60 {
		return broken("a large answer is not whole by TCP: %d of 60 records, %v", len(m.Answers), err)
	}
	return nil
}

// poison answers in the place of the name server.
func (t *Trial) poison() error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	name, err := dnsmessage.NewName("ok.test.")
	if err != nil {
		return err
	}
	forged := dnsmessage.Message{Header: dnsmessage.Header{Response: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{{Name: name, Type: typeA, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 3600},
			Body: &dnsmessage.AResource{A: [4]byte{20, 6, 6, 6}}}}}
	b, err := forged.Pack()
	if err != nil {
		return err
	}
	server := t.A.Space.Dynos.Addr().Next().Next()
	for port := 1024; port < 65536; port += 7 {
		for _, src := range []netip.Addr{server, netip.MustParseAddr("127.0.0.1"), t.A.Web.Address} {
			if err := w.send(udpTo(netip.AddrPortFrom(src, 53), netip.AddrPortFrom(server, uint16(port)), b)); err != nil {
				return err
			}
		}
	}
	if err := w.send(udpTo(t.A.Web.at(53), netip.AddrPortFrom(server, 53), b)); err != nil {
		return err
	}
	for _, s := range []*Side{t.A, t.B} {
		m, err := lookup(s.Web.ns, s, "udp4", "ok.test.", typeA)
		if err != nil {
			return broken("a public name is not found: %w", err)
		}
		if got := addresses(m); !slices.Equal(got, []netip.Addr{t.Outside.Address}) {
			t.Through("ok.test is %v after forged answers", got)
		}
	}
	return nil
}

// leaks looks what of a space is heard outside: names of its own, and of a sealed one anything.
func (t *Trial) leaks(ctx context.Context) error {
	secret := strings.ToLower(string(mark()))
	for _, name := range []string{secret + ".localspace.", secret + ".web.isolation-a.app.localspace.", secret + ".10.in-addr.arpa."} {
		lookup(t.A.Web.ns, t.A, "udp4", name, typeA)
	}
	if t.Upstream.heard(secret) {
		t.Through("names of the platform's own are asked for outside")
	}
	if _, err := lookup(t.A.Web.ns, t.A, "udp4", secret+".ok.test.", typeA); err != nil || !t.Upstream.heard(secret+".ok.test") {
		return broken("a public name is not asked for outside: %v", err)
	}
	sealed := t.A.Space
	sealed.Egress = []engine.Pass{}
	if err := t.engine.EnsureSpace(ctx, sealed); err != nil {
		return err
	}
	defer t.engine.EnsureSpace(context.WithoutCancel(ctx), t.A.Space)
	lookup(t.A.Web.ns, t.A, "udp4", "tunnel-"+secret+".ok.test.", typeTXT)
	lookup(t.A.Web.ns, t.A, "tcp4", "tunnel-"+secret+".ok.test.", typeTXT)
	if t.Upstream.heard("tunnel-" + secret) {
		t.Through("a space from which nothing may go out asks outside for names of its choice")
	}
	return nil
}
