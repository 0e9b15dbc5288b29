package fake

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

type workload struct {
	engine.Workload
	Behaviour
	status  engine.Status
	lines   []engine.Line
	changed chan struct{} // closed, and made anew, when there is something new; nil while nobody waits
	ended   chan struct{} // closed when it has exited; nil while nobody waits
	timers  []*time.Timer
	killAt  time.Time
	kill    *time.Timer
	ticks   int
	socket  net.Listener
}

// Start makes a workload that does what its behaviour says.
func (e *Engine) Start(ctx context.Context, spec engine.Workload) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.down(ctx); err != nil {
		return err
	}
	if _, ok := e.workloads[spec.ID]; ok {
		return nil
	}
	s, ok := e.spaces[spec.Space]
	if !ok {
		return cloister.Errorf(cloister.NotFound, "Couldn't find the space %s.", spec.Space)
	}
	n, err := e.place(spec)
	if err != nil {
		return err
	}
	b := Behaviour{}
	if !spec.Hold {
		b = e.config.Behave(spec)
	}
	if b.Fail != nil {
		return b.Fail
	}
	w := &workload{Workload: spec, Behaviour: b}
	w.status = engine.Status{ID: spec.ID, Owner: spec.Owner, Space: spec.Space, Node: n.ID, Zone: n.Zone,
		Phase: engine.Starting, Labels: maps.Clone(spec.Labels)}
	if w.status.Address, err = s.address(spec.Subnet, slices.Index(e.zones, n.Zone)); err != nil {
		return err
	}
	if spec.Port > 0 {
		if err := e.endpoint(w); err != nil {
			delete(s.used, w.status.Address)
			return err
		}
	}
	e.workloads[w.ID] = w
	if e.owners[w.Owner] == nil {
		e.owners[w.Owner] = map[string]*workload{}
	}
	e.owners[w.Owner][w.ID] = w
	for _, v := range w.Volumes {
		if e.volumes[v.ID] == nil {
			e.volumes[v.ID] = map[string]string{}
		}
	}
	n.workloads++
	s.workloads++
	e.after(w, b.Start, e.begin)
	return nil
}

// place finds the healthy node with the fewest workloads that spec may run on.
func (e *Engine) place(spec engine.Workload) (*node, error) {
	var best *node
	found := false
	for _, id := range slices.Sorted(maps.Keys(e.nodes)) {
		n := e.nodes[id]
		if spec.Node != "" && n.ID != spec.Node || spec.Zone != "" && n.Zone != spec.Zone {
			continue
		}
		found = true
		if n.Healthy && (best == nil || n.workloads < best.workloads) {
			best = n
		}
	}
	switch {
	case !found:
		return nil, cloister.Errorf(cloister.NotFound, "Couldn't find a node %q in the zone %q.", spec.Node, spec.Zone)
	case best == nil:
		return nil, cloister.Errorf(cloister.Unavailable, "No node in the zone %q is healthy.", spec.Zone)
	}
	return best, nil
}

// endpoint gives a workload a transit address of its own, or a real socket.
func (e *Engine) endpoint(w *workload) error {
	if e.config.Serve == nil {
		e.transit = e.transit.Next()
		w.status.Endpoint = netip.AddrPortFrom(e.transit, uint16(w.Port))
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return cloister.Errorf(cloister.Unavailable, "No port for %s: %v", w.ID, err)
	}
	w.socket, w.status.Endpoint = l, l.Addr().(*net.TCPAddr).AddrPort()
	return nil
}

// after does step to w when d has passed, unless w has exited by then. The engine's lock is held now and in step.
func (e *Engine) after(w *workload, d time.Duration, step func(*workload)) {
	if d <= 0 {
		step(w)
		return
	}
	w.timers = append(w.timers, time.AfterFunc(d, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if w.status.Phase != engine.Exited {
			step(w)
		}
	}))
}

// begin is the first moment of the workload's process.
func (e *Engine) begin(w *workload) {
	w.timers = nil
	w.status.Phase, w.status.StartedAt = engine.Running, time.Now()
	print, status := e.surroundings(w.Workload, w.Command, w.Env, w.Dir)
	w.print(append(slices.Clone(w.Print), print...)...)
	e.hint(w)
	if status != 0 {
		w.Status = status
	}
	if w.Every > 0 {
		e.after(w, w.Every, e.tick)
	}
	if w.Ends {
		e.after(w, w.After, func(w *workload) { e.exit(w, w.Status) })
	}
	if w.Port > 0 && !w.Deaf && w.status.Phase == engine.Running {
		e.after(w, w.Listen, e.listen)
	}
}

func (e *Engine) tick(w *workload) {
	w.ticks++
	w.timers = nil
	w.print(engine.Line{Text: strconv.Itoa(w.ticks)})
	e.after(w, w.Every, e.tick)
}

func (e *Engine) listen(w *workload) {
	w.status.Listening = true
	if w.socket != nil {
		go http.Serve(w.socket, e.config.Serve(w.Workload)) // ends when exit closes the socket
	}
	e.hint(w)
}

// exit is the end of the workload's last process.
func (e *Engine) exit(w *workload, status int) {
	if w.status.Phase == engine.Exited {
		return
	}
	for _, t := range w.timers {
		t.Stop()
	}
	if w.kill != nil {
		w.kill.Stop()
	}
	w.timers, w.kill = nil, nil
	now := time.Now()
	if w.status.StartedAt.IsZero() {
		w.status.StartedAt = now
	}
	w.status.Phase, w.status.Listening, w.status.ExitedAt, w.status.ExitStatus = engine.Exited, false, now, status
	if w.socket != nil {
		w.socket.Close()
	}
	w.notify()
	if w.ended != nil {
		close(w.ended)
	}
	e.hint(w)
}

// Stop sends the workload a SIGTERM, and a SIGKILL after grace.
func (e *Engine) Stop(ctx context.Context, id string, grace time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.down(ctx); err != nil {
		return err
	}
	w, ok := e.workloads[id]
	switch {
	case !ok:
		return missing(id)
	case w.status.Phase == engine.Exited:
		return nil
	case grace <= 0:
		e.exit(w, 137)
		return nil
	}
	first := w.killAt.IsZero()
	if at := time.Now().Add(grace); first || at.Before(w.killAt) {
		if w.kill != nil {
			w.kill.Stop()
		}
		w.killAt = at
		w.kill = time.AfterFunc(grace, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.exit(w, 137)
		})
	}
	if first && !w.Stubborn {
		status := w.Stopped
		if status == 0 {
			status = 143
		}
		e.after(w, w.Behaviour.Stop, func(w *workload) { e.exit(w, status) })
	}
	return nil
}

// Drop forgets the workload, and kills it first.
func (e *Engine) Drop(ctx context.Context, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.down(ctx); err != nil {
		return err
	}
	if w, ok := e.workloads[id]; ok {
		e.exit(w, 137)
		e.forget(w)
	}
	return nil
}

func (e *Engine) forget(w *workload) {
	delete(e.workloads, w.ID)
	delete(e.owners[w.Owner], w.ID)
	if len(e.owners[w.Owner]) == 0 {
		delete(e.owners, w.Owner)
	}
	e.nodes[w.status.Node].workloads--
	s := e.spaces[w.Space]
	s.workloads--
	delete(s.used, w.status.Address)
}

// DropVolume forgets what is in a volume, unless a workload has it.
func (e *Engine) DropVolume(ctx context.Context, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.down(ctx); err != nil {
		return err
	}
	for _, w := range e.workloads {
		for _, v := range w.Volumes {
			if v.ID == id && w.status.Phase != engine.Exited {
				return cloister.Errorf(cloister.Conflict, "Volume %s is used by %s.", id, w.ID)
			}
		}
	}
	delete(e.volumes, id)
	return nil
}
