package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A space is the network of one private space: a namespace that routes, filters and translates.
type space struct {
	ns   namespace
	link string // name of its link, in the machine's namespace

	making sync.RWMutex // held while the network is made or changed as a whole; for reading while a workload joins
	made   bool         // all of it is in force; guarded by making
	stale  bool         // made for other networks than those wanted now; guarded by Engine.mu

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
	sp.stale = sp.stale || was.Dynos != s.Dynos || was.Data != s.Data
	e.spaces[s.ID] = sp
	return sp, nil
}

func (e *Engine) newSpace(r spaceRecord) *space {
	sp := &space{
		ns:      namespace(e.SpaceNamespace(r.Space.ID)),
		link:    e.SpaceLink(r.Space.ID),
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
	sp.made = false
	if err := e.razeSpace(sp); err != nil {
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

func (e *Engine) saveSpace(sp *space) error {
	return write(e.spaceFile(sp.spec.ID), spaceRecord{sp.spec, sp.address, sp.book.Resting})
}

func (e *Engine) spaceFile(id string) string { return filepath.Join(e.State, "spaces", id+".json") }
