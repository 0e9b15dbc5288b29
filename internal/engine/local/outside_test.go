package local_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister/internal/engine"
)

// TestTheOutsideSeesNoOtherSource looks at every frame that reaches the machine's neighbour while spaces and the
// engine come, change, are killed and go, and while dynos send all the time, from their first moment.
func TestTheOutsideSeesNoOtherSource(t *testing.T) {
	for _, masquerade := range []bool{false, true} {
		name := map[bool]string{false: "plain", true: "masked"}[masquerade]
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, "out"+name)
			m.config.Masquerade = masquerade
			m.surround()
			wire := m.follow(m.inside("net", "capture", "all"))
			n := m.node()
			s := m.space(n, "198.51.100.1", "198.51.100.2")
			const talk = "while :; do probe dial udp " + internetAddress + ":443; probe dial tcp " + internetAddress + ":443; probe ping " + internetAddress +
				"; probe dial udp " + privateAddress + ":443; done"
			var talkers []engine.Workload
			for range 3 {
				talkers = append(talkers, m.run(n, s, "sh", "-c", talk+" >/dev/null 2>&1"))
			}
			held := m.run(n, s, "probe", "hold", internetAddress+":443")
			m.goesOn(n, held)
			for i := range 20 { // each loads the space's rules anew, and each other one the machine's
				s.Mail = i%2 == 0
				m.ensure(n, s)
			}
			n.kill()
			n = m.node()
			m.goesOn(n, held)
			s.Outbound = []netip.Addr{addr("198.51.100.2"), addr("198.51.100.1")}
			m.ensure(n, s)
			talkers = append(talkers, m.run(n, s, "sh", "-c", talk+" >/dev/null 2>&1"))
			m.goesOn(n, held)
			for _, w := range append(talkers, held) {
				if err := n.Drop(t.Context(), w.ID); err != nil {
					t.Fatal(err)
				}
			}
			if err := n.DropSpace(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
			n.kill()
			may := []string{"198.51.100.1", "198.51.100.2"}
			if masquerade {
				may = nil
			}
			seen := map[string]bool{}
			for line := range strings.Lines(wire.String()) {
				source, _, two := strings.Cut(strings.TrimSpace(line), " ")
				if a := addr(source); two && a.Is4() && source != machineAddress { // the machine's own, for its own
					seen[source] = true
					if !slices.Contains(may, source) {
						t.Errorf("the outside saw a packet %s", line)
					}
				}
			}
			if len(seen) < len(may) {
				t.Errorf("it saw %v only", seen)
			}
		})
	}
}
