package fake

import (
	"context"
	"net/netip"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A space keeps the addresses of its workloads. The address plan is the local engine's: a /20 for each zone in the
// upper half of the /16.
type space struct {
	engine.Space
	workloads int
	used      map[netip.Addr]bool
	last      map[netip.Prefix]netip.Addr // where to look next, so that an address rests before it is used again
}

// EnsureSpace remembers the space.
func (e *Engine) EnsureSpace(ctx context.Context, s engine.Space) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.down(ctx); err != nil {
		return err
	}
	if err := e.check(s); err != nil {
		return err
	}
	s = clone(s)
	if known, ok := e.spaces[s.ID]; ok {
		known.Space = s
		return nil
	}
	e.spaces[s.ID] = &space{Space: s, used: map[netip.Addr]bool{}, last: map[netip.Prefix]netip.Addr{}}
	return nil
}

// check refuses what the contract refuses.
func (e *Engine) check(s engine.Space) error {
	if err := s.Check(); err != nil {
		return err
	}
	for id, other := range e.spaces {
		for _, a := range slices.Concat(s.Outbound, s.Ingress) {
			if id != s.ID && (slices.Contains(other.Outbound, a) || slices.Contains(other.Ingress, a)) {
				return cloister.Errorf(cloister.Conflict, "Address %s belongs to another space.", a)
			}
		}
	}
	if known, ok := e.spaces[s.ID]; ok && known.workloads > 0 && (known.Dynos != s.Dynos || known.Data != s.Data || known.Builds != s.Builds) {
		return cloister.Errorf(cloister.Conflict, "The networks of a space cannot change while workloads are in it.")
	}
	return nil
}

// clone is a space that shares nothing with s.
func clone(s engine.Space) engine.Space {
	s.Trusted, s.Ingress, s.Outbound, s.Egress = slices.Clone(s.Trusted), slices.Clone(s.Ingress), slices.Clone(s.Outbound), slices.Clone(s.Egress)
	s.Peers, s.Names, s.Topology = slices.Clone(s.Peers), slices.Clone(s.Names), slices.Clone(s.Topology)
	for i, p := range s.Peers {
		s.Peers[i].Prefixes = slices.Clone(p.Prefixes)
	}
	for i, n := range s.Names {
		s.Names[i].Addresses = slices.Clone(n.Addresses)
	}
	return s
}

// DropSpace forgets the space, if it is empty.
func (e *Engine) DropSpace(ctx context.Context, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.down(ctx); err != nil {
		return err
	}
	if s, ok := e.spaces[id]; ok && s.workloads > 0 {
		return cloister.Errorf(cloister.Conflict, "Space %s still has %d workloads.", id, s.workloads)
	}
	delete(e.spaces, id)
	return nil
}

// Space is what the engine was told last of a space: for tests.
func (e *Engine) Space(id string) (engine.Space, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.spaces[id]
	if !ok {
		return engine.Space{}, false
	}
	return s.Space, true
}

// address takes a free address of a subnet.
func (s *space) address(subnet engine.Subnet, zone int) (netip.Addr, error) {
	p := s.Dynos
	if subnet == engine.Data {
		p = s.Data
	} else if p.Bits() == 16 {
		b := p.Addr().As4()
		b[2] = byte(128 + 16*(zone%8))
		p = netip.PrefixFrom(netip.AddrFrom4(b), 20)
	}
	if !p.IsValid() {
		p = netip.MustParsePrefix("10.255.0.0/16") // the builds' network, whose addresses nobody chooses
	}
	first := p.Masked().Addr().Next().Next().Next().Next() // the first few are the network's own
	a := s.last[p]
	if !a.IsValid() {
		a = first
	}
	for tries := 0; tries < 1<<16; tries++ {
		if !p.Contains(a.Next()) { // the last one is the broadcast address
			a = first
		}
		if !s.used[a] {
			s.used[a], s.last[p] = true, a.Next()
			return a, nil
		}
		a = a.Next()
	}
	return netip.Addr{}, cloister.Errorf(cloister.Unavailable, "The network %s has no free address.", p)
}
