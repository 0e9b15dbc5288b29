package isolation

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// quick asks the outside some times from another space while the attacker is busy, and says that it was harmed if one
// is not answered. It returns the slowest answer.
func (t *Trial) quick(n int) (slowest time.Duration, failed int) {
	for i := range n {
		network := []string{"tcp4", "udp4"}[i%2]
		began := time.Now()
		if _, err := ask(t.B.Web.ns, network, t.Outside.at(443).String(), time.Second); err != nil {
			failed++
		}
		slowest = max(slowest, time.Since(began))
	}
	return slowest, failed
}

// unharmed runs an attack and asks the outside from the other space during and after it.
func (t *Trial) unharmed(attack func() error) error {
	if _, failed := t.quick(6); failed > 0 {
		return broken("another space does not reach the outside even before")
	}
	done := make(chan error, 1)
	go func() { done <- attack() }()
	slowest, failed, asked := time.Duration(0), 0, 0
	for busy := true; busy; {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			busy = false
		default:
		}
		s, f := t.quick(4)
		slowest, failed, asked = max(slowest, s), failed+f, asked+4
	}
	if failed > 0 {
		t.Through("another space got no answer %d of %d times", failed, asked)
	}
	t.note("slowest of %d: %s", asked, slowest.Round(100*time.Microsecond))
	return nil
}

// ports is T14.
func ports(_ context.Context, t *Trial) error {
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	const many = 4000
	m := mark()
	reached, err := t.tap(t.Outside.ns, "the outside", "eth0", func(p packet) bool { return !p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	err = t.unharmed(func() error {
		for i := range many {
			if err := w.send(udpTo(t.A.Web.at(uint16(10000+i)), t.Outside.at(443), m)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	seen := map[uint16]bool{}
	for _, p := range reached.packets() {
		h, _ := read(p.Frame)
		seen[h.SrcPort] = true
	}
	if len(seen) == 0 {
		return broken("none of the flows reached the outside")
	}
	// The other space can only be unharmed for sure if it draws from ports of its own.
	for _, a := range t.sources(t.A) {
		for _, b := range t.sources(t.B) {
			if a == b {
				t.Through("both spaces share the ports of %s", a)
			}
		}
	}
	t.note("%d ports", len(seen))
	return nil
}

// flows is T15.
func flows(_ context.Context, t *Trial) error {
	room, err := strconv.Atoi(strings.TrimSpace(netns("").read("/proc/sys/net/netfilter/nf_conntrack_max")))
	if err != nil {
		return notRun("the kernel does not tell the size of its table of flows")
	}
	count := func() int {
		n, _ := strconv.Atoi(strings.TrimSpace(netns("").read("/proc/sys/net/netfilter/nf_conntrack_count")))
		return n
	}
	before, share := count(), room/8
	many := share + share/8
	if before+many > room*3/4 {
		return notRun(fmt.Sprintf("the machine's table of flows has %d of %d in use: filling it further might harm others", before, room))
	}
	w, err := t.wire(t.A.Web)
	if err != nil {
		return err
	}
	m := mark()
	reached, err := t.tap(t.Outside.ns, "the outside", "eth0", func(p packet) bool { return !p.Out && marked(m)(p) })
	if err != nil {
		return err
	}
	most := 0
	err = t.unharmed(func() error {
		for i := range many {
			to := netip.AddrPortFrom(t.Outside.Second, uint16(20000+i/40000))
			if err := w.send(udpTo(t.A.Web.at(uint16(10000+i%40000)), to, m)); err != nil {
				return err
			}
			if i%1000 == 0 {
				most = max(most, count()-before)
			}
		}
		most = max(most, count()-before)
		return nil
	})
	if err != nil {
		return err
	}
	if len(reached.packets()) == 0 {
		return broken("none of the flows reached the outside")
	}
	if most > share {
		t.Through("one space takes %d of the machine's %d flows, more than an eighth, and nothing stops it", most, room)
	}
	t.note("%d of %d flows at most", most, room)
	return nil
}
