package isolation

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// volume is the one that a space of the lab leaves behind.
const volume = "isolation-volume"

// kinds is T16.
func kinds(ctx context.Context, t *Trial) error {
	// A dyno without a port: one-off dynos, release commands and jobs.
	if err := t.sameRules(t.A.Near, t.others()); err != nil {
		return err
	}
	if err := answers(t.A.Near, "tcp4", t.A.Web.at(5000), t.A.Web); err != nil {
		return broken("a dyno without a port does not reach its space: %w", err)
	}
	// A process that joins a dyno later.
	for _, network := range []string{"tcp4", "udp4"} {
		if err := t.fromInside(ctx, network); err != nil {
			return err
		}
	}
	builds := engine.Space{ID: spaceBuilds, Dynos: wanted("").Dynos, Builds: true}
	if err := t.engine.EnsureSpace(ctx, builds); err != nil {
		return fmt.Errorf("make a network for builds: %w", err)
	}
	var both [2]*Probe
	for i := range both {
		p, err := t.start(ctx, engine.Workload{Space: spaceBuilds, Zone: t.A.Web.Zone}, "serve")
		if err != nil {
			return err
		}
		both[i] = p
		t.later(func() { t.engine.Drop(context.WithoutCancel(ctx), p.ID) })
	}
	got, err := ask(both[0].ns, "tcp4", t.Outside.at(443).String(), 2*time.Second)
	if err != nil || !strings.Contains(got, t.Outside.Machine.String()+":") {
		return broken("a build does not reach the outside by the machine's address: %s %v", got, err)
	}
	targets := t.others()
	maps.Copy(targets, map[netip.Addr]string{t.A.Web.Endpoint.Addr(): "a space's dyno", both[1].Address: "another build"})
	targets[both[1].Address] = "another build"
	return t.sameRules(both[0], targets)
}

// sameRules attacks a few ports of what nobody may reach, from one workload.
func (t *Trial) sameRules(p *Probe, targets map[netip.Addr]string) error {
	w, err := t.wire(p)
	if err != nil {
		return err
	}
	m := mark()
	check, err := t.nowhere(marked(m))
	if err != nil {
		return err
	}
	link := spaceA
	if p.Space == spaceBuilds {
		link = spaceBuilds
	}
	leaving, err := t.tap("", "the machine", t.Places.SpaceLink(link), func(p packet) bool { return !p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	router, err := t.tap(netns(t.Places.SpaceNamespace(p.Space)), "the space", "", func(p packet) bool { return !p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	answer, err := t.tap(p.ns, "the attacker, in answer,", "eth0", func(p packet) bool {
		h, ok := read(p.Frame)
		return ok && !p.Out && (h.DstPort == 40161 || h.Proto == icmp)
	})
	if err != nil {
		return err
	}
	targets = maps.Clone(targets)
	for _, c := range clouds {
		targets[netip.MustParseAddr(c)] = "metadata"
	}
	delete(targets, p.Address)
	sent := 0
	send := func(a netip.Addr) error {
		for _, port := range []uint16{22, 53, 80, 443, 2379, 5000, 5100, 6000, 8080, 8443, 10250} {
			to := netip.AddrPortFrom(a, port)
			if err := w.send(tcpTo(p.at(40161), to, syn, m), udpTo(p.at(40161), to, m)); err != nil {
				return err
			}
			sent += 2
		}
		return w.send(icmpTo(p.Address, a, 8, 0, 1, m), datagram{Src: p.Address, Dst: a, Proto: gre, Data: m})
	}
	for _, a := range sorted(targets) {
		if err := send(a); err != nil {
			return err
		}
	}
	t.none(leaving)
	check()
	for _, a := range sorted(ownAddresses()) { // may leave the space, but the machine does not answer
		if err := send(a); err != nil {
			return err
		}
	}
	if n := len(router.packets()); n < sent {
		return broken("of %d packets only %d arrive at the space", sent, n)
	}
	t.none(answer)
	return nil
}

// rebirth is T17.
func rebirth(ctx context.Context, t *Trial) error {
	old, err := t.space(ctx, spaceAgain)
	if err != nil {
		return err
	}
	old.Space.Names = []engine.Name{{Name: "web.old.app.localspace.", Addresses: []netip.Addr{netip.MustParseAddr("10.0.128.1")}}}
	if err := t.engine.EnsureSpace(ctx, old.Space); err != nil {
		return err
	}
	w := engine.Workload{Space: spaceAgain, Zone: t.A.Web.Zone, Port: 5000, Volumes: []engine.Volume{{ID: volume, Path: "/kept", Size: 16 << 20}}}
	before, err := t.start(ctx, w, "serve")
	if err != nil {
		return err
	}
	if out, status, err := t.exec(ctx, before, "keep", "/kept/secret", "of the old space"); err != nil || status != 0 {
		return broken("a dyno cannot write to its volume: %s %v", out, err)
	}
	got, err := ask(before.ns, "udp4", t.Outside.at(443).String(), 2*time.Second)
	_, seen, _ := strings.Cut(strings.TrimSpace(got), " ")
	flow, perr := netip.ParseAddrPort(seen)
	if err != nil || perr != nil {
		return broken("the outside does not answer: %q %v", got, err)
	}
	late := func(m []byte) error {
		c, err := t.Outside.ns.wire("eth0")
		if err != nil {
			return err
		}
		defer c.close()
		return c.send(udpTo(t.Outside.at(443), flow, m))
	}
	right := mark()
	arrived, err := t.tap(before.ns, "the old dyno", "eth0", marked(right))
	if err != nil {
		return err
	}
	if err := late(right); err != nil {
		return err
	}
	if len(arrived.packets()) == 0 {
		return broken("an answer from outside does not come back to its dyno")
	}
	arrived.close()
	if err := t.engine.Drop(ctx, before.ID); err != nil {
		return err
	}
	if err := t.engine.DropSpace(ctx, spaceAgain); err != nil {
		return err
	}
	if err := t.engine.DropVolume(ctx, volume); err != nil {
		return err
	}
	t.left(before)
	now := &Side{Space: old.Space, ns: old.ns}
	now.Space.Names = nil
	if err := t.engine.EnsureSpace(ctx, now.Space); err != nil {
		return fmt.Errorf("make the space again: %w", err)
	}
	t.later(func() { t.engine.DropSpace(context.WithoutCancel(ctx), spaceAgain) })
	after, err := t.start(ctx, w, "serve")
	if err != nil {
		return err
	}
	t.later(func() { t.engine.Drop(context.WithoutCancel(ctx), after.ID) })
	m := mark()
	inherits, err := t.tap(now.ns, "the new space, on its way further,", "", func(p packet) bool { return p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	dyno, err := t.tap(after.ns, "the new dyno", "eth0", marked(m))
	if err != nil {
		return err
	}
	if err := late(m); err != nil {
		return err
	}
	t.none(inherits, dyno)
	if after.Endpoint == before.Endpoint {
		t.Through("the router's way to the old dyno leads to the new one: %s", after.Endpoint)
	}
	if out, status, _ := t.exec(ctx, after, "show", "/kept/secret"); status == 0 {
		t.Through("the old volume is there: %s", out)
	}
	if answer, err := lookup(after.ns, now, "udp4", "web.old.app.localspace.", typeA); err == nil && len(answer.Answers) > 0 {
		t.Through("the old name is known: %v", answer.Answers[0])
	}
	if n, _ := now.ns.sh("ip neigh; ip route"); strings.Contains(n, before.ID) {
		t.Through("the new space knows the old dyno: %s", n)
	}
	return nil
}

// left looks for what the kernel still has of a space and a dyno that are gone.
func (t *Trial) left(p *Probe) {
	routes, _ := netns("").sh("ip route; ip neigh")
	for _, what := range []string{t.Places.SpaceLink(spaceAgain), p.Endpoint.Addr().String() + " "} {
		if strings.Contains(routes, what) {
			t.Through("the machine still has a route or neighbour of the old space: %s", what)
		}
	}
	for _, path := range []string{t.Places.SpaceNamespace(spaceAgain), string(p.ns), "/sys/class/net/" + t.Places.SpaceLink(spaceAgain)} {
		if _, err := os.Stat(path); err == nil && !strings.HasPrefix(path, "/sys") {
			t.Through("there is still %s", path)
		}
	}
}

// data is T18.
func data(_ context.Context, t *Trial) error {
	for _, s := range []*Side{t.A, t.B} {
		if err := answers(s.Web, "tcp4", s.Data.at(5000), s.Data); err != nil {
			return broken("a dyno does not reach the data services of its space: %w", err)
		}
	}
	if !cloister.Trusts(t.A.Space.Trusted, netip.MustParseAddr("20.1.2.3")) {
		return broken("the space does not trust everyone, as it should in this trial")
	}
	m := mark()
	seen, err := t.tap(t.A.Data.ns, "a data service", "", marked(m))
	if err != nil {
		return err
	}
	entered, err := t.tap(t.A.ns, "the space of the data service", "up", marked(m))
	if err != nil {
		return err
	}
	// From the machine and from outside: no way leads there, and what is put on the space's link by force ends there.
	if way, _ := netns("").sh("ip route get " + t.A.Data.Address.String()); strings.Contains(way, t.Places.SpaceLink(spaceA)) {
		t.Through("the machine has a way to a data service: %s", strings.TrimSpace(way))
	}
	link, err := netns("").wire(t.Places.SpaceLink(spaceA))
	if err != nil {
		return err
	}
	t.later(link.close)
	for _, src := range []netip.Addr{t.Transit.Addr().Next(), t.Outside.Address, t.A.Web.Address, t.B.Web.Endpoint.Addr()} {
		for _, port := range []uint16{22, 5000, 5432, 6000, 6379} {
			from, to := netip.AddrPortFrom(src, 40181), netip.AddrPortFrom(t.A.Data.Address, port)
			if err := link.send(tcpTo(from, to, syn, m), udpTo(from, to, m), icmpTo(src, to.Addr(), 8, 0, 1, m)); err != nil {
				return err
			}
		}
	}
	if n := len(entered.packets()); n < 60 {
		return broken("of 60 packets only %d arrive at the space", n)
	}
	if got, err := ask(t.B.ns, "tcp4", t.A.Data.at(5000).String(), 300*time.Millisecond); err == nil && strings.HasPrefix(got, t.A.Data.ID) {
		t.Through("a data service answers another space's network")
	}
	entered.close()
	space, err := t.tap(t.A.ns, "the space of the data service", "", marked(m))
	if err != nil {
		return err
	}
	for _, from := range []*Probe{t.B.Web, t.B.Only, t.B.Data} {
		w, err := t.wire(from)
		if err != nil {
			return err
		}
		for _, a := range []netip.Addr{t.A.Data.Address, t.A.outbound()} {
			for _, port := range []uint16{5000, 5432, 6000} {
				if to := netip.AddrPortFrom(a, port); a.IsValid() && a != from.Address {
					if err := w.send(tcpTo(from.at(40181), to, syn, m), udpTo(from.at(40181), to, m)); err != nil {
						return err
					}
				}
			}
		}
	}
	t.none(seen, space)
	// And the other way: a data service does not reach dynos.
	back := mark()
	dyno, err := t.tap(t.A.Web.ns, "a dyno, from a data service,", "eth0", marked(back))
	if err != nil {
		return err
	}
	w, err := t.wire(t.A.Data)
	if err != nil {
		return err
	}
	if err := w.send(tcpTo(t.A.Data.at(40182), t.A.Web.at(5000), syn, back), udpTo(t.A.Data.at(40182), t.A.Web.at(6000), back)); err != nil {
		return err
	}
	t.none(dyno)
	return nil
}
