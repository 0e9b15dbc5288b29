package local

import (
	"context"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"

	"github.com/cloister-dev/cloister/internal/engine"
)

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
	if err := sp.ns.do(func() error { return sp.table.load(ctx, rules.render()) }); err != nil {
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
		Gateway: e.gateway(), Private: e.private(), Internal: spec.Internal, Open: spec.Egress == nil, Mail: spec.Mail,
		Ingress: ofFamily(e.Ingress, true), Own: spec.Outbound}
	if len(r.Own) == 0 {
		r.Own = []netip.Addr{address}
	}
	for _, p := range spec.Egress {
		r.Egress = append(r.Egress, passRule(p))
	}
	for _, p := range spec.Peers {
		for _, to := range p.Prefixes {
			r.Joined = append(r.Joined, joinedRule{peerLink(p), to})
		}
	}
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

// private is what no workload may reach outside: also other spaces' outbound addresses, ingress, and transit.
func (e *Engine) private() []netip.Prefix {
	return slices.Concat(private, []netip.Prefix{e.Transit}, e.Outbound, ofFamily(e.Config.Ingress, true))
}

// loadHost brings the machine's own table up to date.
func (e *Engine) loadHost(ctx context.Context) error {
	e.hostLoading.Lock()
	defer e.hostLoading.Unlock()
	return e.hostTable.load(ctx, e.hostRules().render())
}

func (e *Engine) hostRules() hostRules {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := hostRules{Name: e.Name, Links: e.linkPrefix(), Transit: e.Transit, RouterUID: e.RouterUID, Private: e.private(),
		Flows: e.share() / flowLife, Burst: e.share() / 2, Networks: len(e.Networks) > 0, Ingress: e.Ingress, HTTP: e.HTTPPort, HTTPS: e.HTTPSPort}
	for _, id := range slices.Sorted(maps.Keys(e.spaces)) {
		sp := e.spaces[id]
		own := append([]netip.Addr{sp.address}, sp.spec.Outbound...)
		for i, a := range own {
			r.Sources = append(r.Sources, sourceRule{sp.link, a})
			if i == 0 || e.Masquerade {
				r.Masked = append(r.Masked, a)
			} else {
				r.Known = append(r.Known, a)
			}
		}
		if sp.spec.Mail {
			r.Mail = append(r.Mail, own...)
		}
		for _, a := range sp.spec.Ingress {
			if a.Is4() {
				r.Trusted4 = append(r.Trusted4, knocks(a, sp.spec.Trusted)...)
			} else {
				r.Trusted6 = append(r.Trusted6, knocks(a, sp.spec.Trusted)...)
			}
		}
	}
	return r
}
