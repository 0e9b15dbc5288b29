package local

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A space is the network of one private space: a namespace that routes, filters and translates.
type space struct {
	ns   namespace
	link string // name of its link, in the machine's namespace

	making sync.Mutex // held while the network is made or changed as a whole

	// Below: guarded by Engine.mu.
	spec    engine.Space
	address netip.Addr // unique on this machine: the source of what has no outbound address
	book    *addressBook
	names   *resolver

	rules   sync.Mutex // guards members and wanted
	members map[string]workloadRule
	wanted  int
	loading sync.Mutex // held while nft runs; guards loaded
	loaded  int
}

// EnsureSpace makes a space's network, or changes it.
func (e *Engine) EnsureSpace(ctx context.Context, s engine.Space) error {
	sp, err := e.enterSpace(s)
	if err != nil {
		return err
	}
	sp.making.Lock()
	defer sp.making.Unlock()
	if err := e.raiseSpace(ctx, sp); err != nil {
		return e.explain(fmt.Errorf("make network of space %s: %w", s.ID, err))
	}
	return nil
}

// enterSpace checks a space against the rules and the other spaces, and writes down that it is wanted.
func (e *Engine) enterSpace(s engine.Space) (*space, error) {
	if err := e.checkSpace(s); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, other := range e.spaces {
		for _, a := range s.Outbound {
			if id != s.ID && slices.Contains(other.spec.Outbound, a) {
				return nil, cloister.Errorf(cloister.Conflict, "Outbound address %s belongs to another space.", a)
			}
		}
	}
	sp := e.spaces[s.ID]
	if sp == nil {
		a, err := e.transit.take(e.Transit, e.gateway().Next(), e.now())
		if err != nil {
			return nil, err
		}
		sp = e.newSpace(spaceRecord{Space: s, Link: a})
	} else if (sp.spec.Dynos != s.Dynos || sp.spec.Data != s.Data || sp.spec.Builds != s.Builds) && e.inhabited(s.ID) {
		return nil, cloister.Errorf(cloister.Conflict, "The networks of a space cannot change while workloads are in it.")
	}
	was := sp.spec
	sp.spec = s
	if err := e.saveSpace(sp); err != nil {
		sp.spec = was
		return nil, e.explain(err)
	}
	e.spaces[s.ID] = sp
	return sp, nil
}

func (e *Engine) newSpace(r spaceRecord) *space {
	sp := &space{
		ns:      namespace(filepath.Join(e.Run, "netns", "space-"+r.Space.ID)),
		link:    e.linkPrefix() + short(r.Space.ID, 8),
		spec:    r.Space,
		address: r.Link,
		book:    newAddressBook(),
		members: map[string]workloadRule{},
	}
	maps.Copy(sp.book.Resting, r.Resting)
	return sp
}

func (e *Engine) checkSpace(s engine.Space) error {
	if err := validID("space", s.ID); err != nil {
		return err
	}
	if !s.Dynos.IsValid() || !s.Dynos.Addr().Is4() || s.Dynos.Bits() > 24 || s.Dynos != s.Dynos.Masked() {
		return cloister.Errorf(cloister.Invalid, "The network of a space must be an IPv4 range of at least a /24; %s is not.", s.Dynos)
	}
	if s.Data.IsValid() && (!s.Data.Addr().Is4() || s.Data.Bits() > 28 || s.Data != s.Data.Masked() || s.Data.Overlaps(s.Dynos)) {
		return cloister.Errorf(cloister.Invalid, "The data network %s must be an IPv4 range apart from %s.", s.Data, s.Dynos)
	}
	if s.Dynos.Overlaps(e.Transit) || s.Data.IsValid() && s.Data.Overlaps(e.Transit) {
		return cloister.Errorf(cloister.Invalid, "The networks of a space must be apart from the transit range %s.", e.Transit)
	}
	if s.Builds && len(s.Outbound) > 0 {
		return cloister.Errorf(cloister.Invalid, "Builds leave by the machine's address and have no outbound addresses.")
	}
	for _, a := range s.Outbound {
		if !slices.ContainsFunc(e.Outbound, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return cloister.Errorf(cloister.Invalid, "Outbound address %s is not in this machine's pool.", a)
		}
	}
	return nil
}

// raiseSpace brings the kernel to what the space wants. It may be repeated, and goes on where a crash left off.
func (e *Engine) raiseSpace(ctx context.Context, sp *space) error {
	if err := sp.ns.create(true); err != nil {
		return err
	}
	e.mu.Lock()
	spec, address := sp.spec, sp.address
	e.mu.Unlock()
	inner, err := sp.ns.handle()
	if err != nil {
		return err
	}
	defer inner.Close()
	// The firewalls come before the link: there is no moment in which a packet finds the one and not the other.
	sp.rules.Lock()
	sp.wanted++
	sp.rules.Unlock()
	if err := e.loadSpace(ctx, sp); err != nil {
		return err
	}
	if err := e.loadHost(ctx); err != nil {
		return err
	}
	if _, err := inner.LinkByName(uplink); errors.As(err, new(netlink.LinkNotFoundError)) {
		if err := join(e.netlink, sp.link, sp.ns, uplink, e.mtu); err != nil {
			return err
		}
	}
	up, err := raise(inner, uplink, outerHop, outerMAC, address)
	if err != nil {
		return err
	}
	lo, err := inner.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	if err := errors.Join(inner.LinkSetUp(lo), inner.AddrReplace(lo, &netlink.Addr{IPNet: host(resolverOf(spec))})); err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	if err := via(inner, up, anywhere, outerHop, netip.Addr{}); err != nil {
		return err
	}
	outer, err := e.raiseOuter(sp)
	if err != nil {
		return err
	}
	if err := e.routeSpace(sp, outer, append(slices.Clone(spec.Outbound), address)); err != nil {
		return err
	}
	return e.resolve(sp, spec)
}

// raiseOuter raises the machine's end of a space's link.
func (e *Engine) raiseOuter(sp *space) (netlink.Link, error) {
	for key, value := range map[string]string{
		"ipv6/conf/" + sp.link + "/disable_ipv6":   "1",
		"ipv4/conf/" + sp.link + "/rp_filter":      "1",
		"ipv4/conf/" + sp.link + "/send_redirects": "0",
		"ipv4/ip_forward":                          "1",
	} {
		if err := sysctl(key, value); err != nil && !errors.Is(err, fs.ErrNotExist) { // no IPv6: nothing to turn off
			return nil, err
		}
	}
	return raise(e.netlink, sp.link, innerHop, innerMAC, e.gateway())
}

// routeSpace makes the machine route exactly the given addresses, and those of web processes, to the space.
func (e *Engine) routeSpace(sp *space, l netlink.Link, fixed []netip.Addr) error {
	sp.rules.Lock()
	for _, w := range sp.members {
		if w.Port > 0 {
			fixed = append(fixed, w.Transit)
		}
	}
	sp.rules.Unlock()
	routes, err := e.netlink.RouteList(l, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		a, ok := netip.AddrFromSlice(r.Dst.IP.To4())
		if !ok || slices.Contains(fixed, a) || e.isTransit(a) {
			continue // a web process that is just starting has its route before it is a member
		}
		if err := e.netlink.RouteDel(&r); err != nil {
			return fmt.Errorf("remove route to %s: %w", a, err)
		}
	}
	for _, a := range fixed {
		if err := via(e.netlink, l, netip.PrefixFrom(a, 32), innerHop, e.gateway()); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) isTransit(a netip.Addr) bool { return e.Transit.Contains(a) }

// resolve starts the space's resolver, unless it runs.
func (e *Engine) resolve(sp *space, spec engine.Space) error {
	e.mu.Lock()
	names := sp.names
	e.mu.Unlock()
	if names != nil {
		return nil
	}
	names, err := startResolver(sp.ns, resolverOf(spec), e.Resolvers, e.log.With(slog.String("space", spec.ID)))
	if err != nil {
		return err
	}
	e.mu.Lock()
	sp.names = names
	e.mu.Unlock()
	return nil
}

// DropSpace removes a space's network.
func (e *Engine) DropSpace(ctx context.Context, id string) error {
	e.mu.Lock()
	sp := e.spaces[id]
	if sp == nil {
		e.mu.Unlock()
		return nil
	}
	if e.inhabited(id) {
		e.mu.Unlock()
		return cloister.Errorf(cloister.Conflict, "The space still has workloads in it. Remove them first.")
	}
	delete(e.spaces, id)
	e.mu.Unlock()

	sp.making.Lock()
	defer sp.making.Unlock()
	if err := e.sinkSpace(ctx, sp); err != nil {
		e.mu.Lock()
		e.spaces[id] = sp
		e.mu.Unlock()
		return e.explain(fmt.Errorf("drop space %s: %w", id, err))
	}
	return nil
}

func (e *Engine) sinkSpace(ctx context.Context, sp *space) error {
	sp.names.close()
	sp.names = nil
	if err := unlink(e.netlink, sp.link); err != nil {
		return err
	}
	if err := sp.ns.remove(); err != nil {
		return err
	}
	if err := e.loadHost(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := os.Remove(e.spaceFile(sp.spec.ID)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget space: %w", err)
	}
	e.transit.release(sp.address, e.now())
	return e.saveTransit()
}

// inhabited reports whether workloads are in a space. The caller holds e.mu.
func (e *Engine) inhabited(id string) bool {
	for _, w := range e.workloads {
		if w.spec.Space == id {
			return true
		}
	}
	return false
}

// admit puts a workload into the space's firewall; it is in force when admit returns nil.
func (e *Engine) admit(ctx context.Context, sp *space, id string, r workloadRule) error {
	sp.rules.Lock()
	sp.members[id] = r
	sp.wanted++
	sp.rules.Unlock()
	return e.loadSpace(ctx, sp)
}

// expel takes a workload out of the space's firewall.
func (e *Engine) expel(ctx context.Context, sp *space, id string) error {
	sp.rules.Lock()
	_, in := sp.members[id]
	delete(sp.members, id)
	if in {
		sp.wanted++
	}
	sp.rules.Unlock()
	return e.loadSpace(ctx, sp)
}

// loadSpace brings the space's table up to date. Of many calls at once, one load serves those that wait.
func (e *Engine) loadSpace(ctx context.Context, sp *space) error {
	sp.rules.Lock()
	mine := sp.wanted
	sp.rules.Unlock()
	sp.loading.Lock()
	defer sp.loading.Unlock()
	if sp.loaded >= mine {
		return nil
	}
	rules, version := e.rulesOf(sp)
	if err := sp.ns.do(func() error { return load(ctx, rules.render()) }); err != nil {
		return err
	}
	sp.loaded = version
	return nil
}

func (e *Engine) rulesOf(sp *space) (spaceRules, int) {
	e.mu.Lock()
	spec, address := sp.spec, sp.address
	e.mu.Unlock()
	sp.rules.Lock()
	defer sp.rules.Unlock()
	r := spaceRules{Dynos: spec.Dynos, Data: spec.Data, Builds: spec.Builds, Resolver: resolverOf(spec),
		Gateway: e.gateway(), Private: e.private()}
	for _, w := range sp.members {
		w.Outbound = outboundOf(spec, address, w.Address)
		r.Workloads = append(r.Workloads, w)
	}
	slices.SortFunc(r.Workloads, func(a, b workloadRule) int { return a.Address.Compare(b.Address) })
	return r, sp.wanted
}

// outboundOf is the address that the outside sees of a workload: always the same one of the space's.
func outboundOf(s engine.Space, machine, workload netip.Addr) netip.Addr {
	if len(s.Outbound) == 0 {
		return machine
	}
	h := fnv.New32a()
	h.Write(workload.AsSlice())
	return s.Outbound[h.Sum32()%uint32(len(s.Outbound))]
}

// private is what no workload may reach outside: also other spaces' outbound addresses, and transit.
func (e *Engine) private() []netip.Prefix {
	return slices.Concat(private, []netip.Prefix{e.Transit}, e.Outbound)
}

// loadHost brings the machine's own table up to date.
func (e *Engine) loadHost(ctx context.Context) error {
	e.hostLoading.Lock()
	defer e.hostLoading.Unlock()
	return load(ctx, e.hostRules().render())
}

func (e *Engine) hostRules() hostRules {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := hostRules{Name: e.Name, Links: e.linkPrefix(), Transit: e.Transit, RouterUID: e.RouterUID, Private: e.private()}
	for _, id := range slices.Sorted(maps.Keys(e.spaces)) {
		sp := e.spaces[id]
		r.Masked = append(r.Masked, sp.address)
		r.Sources = append(r.Sources, sourceRule{sp.link, sp.address})
		for _, a := range sp.spec.Outbound {
			r.Sources = append(r.Sources, sourceRule{sp.link, a})
			if e.Masquerade {
				r.Masked = append(r.Masked, a)
			}
		}
	}
	return r
}

func (e *Engine) saveSpace(sp *space) error {
	return write(e.spaceFile(sp.spec.ID), spaceRecord{sp.spec, sp.address, sp.book.Resting})
}

func (e *Engine) spaceFile(id string) string { return filepath.Join(e.State, "spaces", id+".json") }
