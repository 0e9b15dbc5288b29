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

	making  sync.RWMutex // held while the network is made or changed as a whole; for reading while a workload joins
	made    bool         // all of it is in force; guarded by making
	inForce engine.Space // as it was when it was made; guarded by making
	stale   bool         // made for other networks than those wanted now; guarded by Engine.mu

	// Below: guarded by Engine.mu.
	spec    engine.Space
	address netip.Addr            // unique on this machine: the source of what has no outbound address
	at      map[string]netip.Addr // its own address on each network that is a peer
	book    *addressBook
	names   *resolver

	rules   sync.Mutex // guards members and wanted
	members map[string]workloadRule
	wanted  int
	loading sync.Mutex // held while nft runs; guards loaded and table
	loaded  int
	table   table
}

// EnsureSpace makes a space's network, or changes it.
func (e *Engine) EnsureSpace(ctx context.Context, s engine.Space) error {
	sp, err := e.enterSpace(s)
	if err != nil {
		return err
	}
	sp.making.Lock()
	defer sp.making.Unlock()
	if spec, ok := e.renamed(sp); ok {
		return e.explain(e.publish(sp, spec))
	}
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
		for _, a := range s.Ingress {
			if id != s.ID && slices.Contains(other.spec.Ingress, a) {
				return nil, cloister.Errorf(cloister.Conflict, "Ingress address %s belongs to another space.", a)
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
	at, err := e.placeOnNetworks(sp, s)
	if err != nil {
		return nil, err
	}
	was, wasAt := sp.spec, sp.at
	sp.spec, sp.at = s, at
	if err := e.saveSpace(sp); err != nil {
		sp.spec, sp.at = was, wasAt
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
		at:      r.At,
	}
	maps.Copy(sp.book.Resting, r.Resting)
	return sp
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
	if err := errors.Join(e.loadHost(ctx), e.holdIngress()); err != nil {
		return err
	}
	// Whoever gets these addresses next gets no flow with them.
	for _, a := range append([]netip.Addr{sp.address}, sp.spec.Outbound...) {
		if err := forgetFlows(e.netlink, a); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := os.RemoveAll(e.topologyDir(sp.spec.ID)); err != nil {
		return fmt.Errorf("forget topology: %w", err)
	}
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
	return write(e.spaceFile(sp.spec.ID), spaceRecord{sp.spec, sp.address, sp.at, sp.book.Resting})
}

func (e *Engine) spaceFile(id string) string { return filepath.Join(e.State, "spaces", id+".json") }
