package local

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
)

// The kernel bounds the flows of each namespace. A space has its own, and fills nobody else's; but what is translated
// once more, or goes to an ingress address, is in the machine's table as well, which all spaces share.

// flowLife is how many seconds the kernel remembers a flow that nobody keeps alive.
const flowLife = 120

// flowTable is how many flows a namespace can keep.
func flowTable() int { return max(kernelNumber("nf_conntrack_max"), 1<<15) }

// share is how many flows of the machine's table a space may have.
func (e *Engine) share() int { return e.flows / 16 }

func kernelNumber(name string) int {
	text, _ := os.ReadFile("/proc/sys/net/netfilter/" + name)
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// guardFlows watches the machine's table. The firewall bounds how fast a space adds to it, so flows that live on and
// on are all that can fill it, and not in a moment.
func (e *Engine) guardFlows() {
	e.every(20*time.Second, "the machine's flows were not looked after", func() error {
		if kernelNumber("nf_conntrack_count") <= e.flows/2 {
			return nil
		}
		return e.cutGreedy()
	})
}

// cutGreedy cuts all flows of the spaces that have more than their share.
func (e *Engine) cutGreedy() error {
	list, err := e.netlink.ConntrackTableList(netlink.ConntrackTable, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list flows: %w", err)
	}
	e.mu.Lock()
	owner, own, count := map[netip.Addr]string{}, map[string][]netip.Addr{}, map[string]int{}
	for id, sp := range e.spaces {
		own[id] = append([]netip.Addr{sp.address}, sp.spec.Outbound...)
		for _, a := range own[id] {
			owner[a] = id
		}
	}
	e.mu.Unlock()
	for _, f := range list {
		if a, ok := netip.AddrFromSlice(f.Forward.SrcIP.To4()); ok && owner[a] != "" {
			count[owner[a]]++
		}
	}
	var errs error
	for id, n := range count {
		if n <= e.share() {
			continue
		}
		e.log.Warn("a space had too many flows; they were cut", "space", id, "flows", n)
		for _, a := range own[id] {
			errs = errors.Join(errs, forgetFlows(e.netlink, a))
		}
	}
	return errs
}
