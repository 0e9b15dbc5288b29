// Package fake is an engine in memory. Workloads are state machines that obey a script: how long they take to start
// and to listen, when and how they end, what they print. Simulation runs on it, in virtual time, and so does
// `cloister server --engine=fake`, the way to develop everything above an engine on any machine.
//
// It refuses to run anything: no process, no network, no file. It opens a socket only if Config.Serve asks for it, so
// that it works inside a testing/synctest bubble. It keeps nothing when it ends.
package fake

import (
	"context"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Config says how the fake behaves. The zero value is three zones with a node each, in which everything starts at
// once and does what its command says.
type Config struct {
	// Nodes there are; nil: one each in the zones a, b and c.
	Nodes []engine.Node
	// Behave says what a workload will do; nil: Obey.
	Behave func(engine.Workload) Behaviour
	// Exec runs a process inside a workload; nil: the words of Obey, and status 127 for all others.
	Exec func(context.Context, engine.Workload, engine.Process, engine.Terminal) (int, error)
	// Serve, if not nil, answers on a loopback port for each workload that listens.
	Serve func(engine.Workload) http.Handler
}

// An Engine is a fake engine. It is safe for concurrent use.
type Engine struct {
	config Config

	mu        sync.Mutex
	nodes     map[string]*node
	zones     []string
	spaces    map[string]*space
	workloads map[string]*workload
	owners    map[string]map[string]*workload
	volumes   map[string]map[string]string // volume → path → text
	transit   netip.Addr
	listeners map[chan engine.Event]bool
	deaf      bool
	broken    error
}

var _ engine.Engine = (*Engine)(nil)

type node struct {
	engine.Node
	workloads int
}

// New returns an engine without spaces or workloads.
func New(c Config) *Engine {
	if c.Nodes == nil {
		for _, zone := range []string{"a", "b", "c"} {
			c.Nodes = append(c.Nodes, engine.Node{ID: "node-" + zone, Zone: zone, Healthy: true, Memory: 64 << 30, CPU: 16000})
		}
	}
	if c.Behave == nil {
		c.Behave = Obey
	}
	e := &Engine{config: c, nodes: map[string]*node{}, spaces: map[string]*space{}, workloads: map[string]*workload{},
		owners: map[string]map[string]*workload{}, volumes: map[string]map[string]string{},
		transit: netip.MustParseAddr("100.64.0.0"), listeners: map[chan engine.Event]bool{}}
	for _, n := range c.Nodes {
		e.nodes[n.ID] = &node{Node: n}
		if !slices.Contains(e.zones, n.Zone) {
			e.zones = append(e.zones, n.Zone)
		}
	}
	slices.Sort(e.zones)
	return e
}

// Nodes lists the nodes by id.
func (e *Engine) Nodes(ctx context.Context) ([]engine.Node, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.down(ctx); err != nil {
		return nil, err
	}
	var out []engine.Node
	for _, id := range slices.Sorted(maps.Keys(e.nodes)) {
		out = append(out, e.nodes[id].Node)
	}
	return out, nil
}

// List lists the workloads of an owner, or all, by id.
func (e *Engine) List(ctx context.Context, owner string) ([]engine.Status, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.down(ctx); err != nil {
		return nil, err
	}
	from := e.workloads
	if owner != "" {
		from = e.owners[owner]
	}
	out := make([]engine.Status, 0, len(from))
	for _, w := range from {
		s := w.status
		s.Labels = maps.Clone(s.Labels)
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b engine.Status) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// Usage is what the behaviour of each workload that runs says.
func (e *Engine) Usage(ctx context.Context, owner string) ([]engine.Usage, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.down(ctx); err != nil {
		return nil, err
	}
	var out []engine.Usage
	for _, w := range e.workloads {
		if (owner == "" || w.Owner == owner) && w.status.Phase == engine.Running {
			u := w.Behaviour.Usage
			u.ID, u.Owner, u.At, u.Limit, u.PIDs = w.ID, w.Owner, time.Now(), w.Size.Memory, max(u.PIDs, 1)
			u.CPU = time.Duration(w.Behaviour.Cores * float64(u.At.Sub(w.status.StartedAt)))
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b engine.Usage) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// down is the error of every call while the engine is broken on purpose, or of a caller who has gone.
func (e *Engine) down(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.broken
}

func missing(id string) error {
	return cloister.Errorf(cloister.NotFound, "Couldn't find the workload %s.", id)
}
