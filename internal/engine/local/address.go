package local

import (
	"net/netip"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

const (
	maxZones   = 8
	quarantine = time.Minute // an address rests so long before somebody else gets it
)

// An addressBook knows which addresses are taken in one range of addresses that mean something together: a space's
// network, or the machine's transit range.
type addressBook struct {
	Taken   map[netip.Addr]bool      `json:"-"` // rebuilt from the records at start
	Resting map[netip.Addr]time.Time // until when
}

func newAddressBook() *addressBook {
	return &addressBook{Taken: map[netip.Addr]bool{}, Resting: map[netip.Addr]time.Time{}}
}

// take gives out the lowest free address of p, leaving out its first and last and those below first.
func (b *addressBook) take(p netip.Prefix, first netip.Addr, now time.Time) (netip.Addr, error) {
	if !first.IsValid() {
		first = p.Masked().Addr().Next()
	}
	for a := first; p.Contains(a) && p.Contains(a.Next()); a = a.Next() {
		if b.Taken[a] || now.Before(b.Resting[a]) {
			continue
		}
		b.Taken[a] = true
		delete(b.Resting, a)
		return a, nil
	}
	return netip.Addr{}, cloister.Errorf(cloister.Unavailable, "No address is free in %s. Addresses come free a minute after what used them is gone.", p)
}

// keep marks an address as taken, after a restart.
func (b *addressBook) keep(a netip.Addr) {
	if a.IsValid() {
		b.Taken[a] = true
		delete(b.Resting, a)
	}
}

// release takes an address back and lets it rest.
func (b *addressBook) release(a netip.Addr, now time.Time) {
	if !a.IsValid() {
		return
	}
	delete(b.Taken, a)
	for r, until := range b.Resting {
		if !now.Before(until) {
			delete(b.Resting, r)
		}
	}
	b.Resting[a] = now.Add(quarantine)
}

// subnet is where the workloads of a zone get their addresses: the upper half of a space's network is cut in eight,
// so that zone one of 10.0.0.0/16 has 10.0.128.0/20. Data services share the data network.
func subnet(s engine.Space, which engine.Subnet, zone int) netip.Prefix {
	if which == engine.Data {
		return s.Data.Masked()
	}
	base := s.Dynos.Masked()
	a := base.Addr().As4()
	bits := base.Bits() + 4
	n := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	n |= uint32(maxZones+zone) << (32 - bits)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), bits)
}

// resolverOf is where a space's workloads ask for names: the third address of its network.
func resolverOf(s engine.Space) netip.Addr { return s.Dynos.Masked().Addr().Next().Next() }
