package local_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister/internal/engine"
	doorstep "github.com/cloister-dev/cloister/internal/engine/local/inside"
	"github.com/cloister-dev/cloister/internal/isolation"
)

// newLab is a machine, and what an attacker's lab needs to know of it.
func newLab(t *testing.T, name string) (*machine, engine.Engine, isolation.Options) {
	m := newMachine(t, name)
	m.sh("ip link set lo up")
	upstream, err := isolation.OpenUpstream(netip.MustParseAddrPort("127.0.0.1:5354"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(upstream.Close)
	m.config.Resolvers = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:5354")}
	m.config.Ingress, m.config.HTTPPort, m.config.HTTPSPort = []netip.Prefix{netip.MustParsePrefix("20.0.8.0/28")}, 8080, 8443
	router, err := net.Listen("tcp4", ":8080")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	go tellAll(router)
	image, _, err := isolation.WriteImage(m.config.Images, doorstep.Path)
	if err != nil {
		t.Fatal(err)
	}
	return m, m.open(), isolation.Options{Places: m.config, Image: image, Pool: m.config.Outbound, Ingress: m.config.Ingress,
		Transit: netip.MustParsePrefix("100.64.0.0/10"), Upstream: upstream}
}

// tellAll stands for the router, and tells whom it sees.
func tellAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for buf := make([]byte, 4096); ; {
				if _, err := c.Read(buf); err != nil {
					return
				}
				fmt.Fprintf(c, "router %s\n", c.RemoteAddr())
			}
		}()
	}
}

func TestSpacesHoldUnderAttack(t *testing.T) {
	_, e, o := newLab(t, "attack")
	if only := os.Getenv("CLOISTER_TEST_ATTACKS"); only != "" {
		o.Only = strings.Split(only, ",")
	}
	results, err := isolation.Run(t.Context(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		t.Logf("%-4s %-60s %-8s %-6s %s", r.ID, r.Name, r.State, r.Took.Round(1e6), r.Seen)
		if r.State == isolation.Through || r.State == isolation.Broken {
			t.Errorf("%s %s: %s", r.ID, r.State, r.Seen)
		}
	}
	if len(o.Only) == 0 && len(results) != len(isolation.Attacks()) {
		t.Errorf("only %d attacks were run", len(results))
	}
}
