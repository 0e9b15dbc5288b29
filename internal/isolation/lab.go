package isolation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// owner is whose the workloads are: nobody's app.
const owner = engine.Isolation

// The spaces of the lab. There is one lab on a machine at a time.
const (
	spaceA      = "isolation-a"
	spaceB      = "isolation-b"
	spaceAgain  = "isolation-again"
	spaceBuilds = "isolation-builds"
)

// Places says where the kernel's part of an engine is: the files of network namespaces, and the name of a space's
// link in the machine's own namespace.
type Places interface {
	SpaceNamespace(id string) string
	WorkloadNamespace(id string) string
	SpaceLink(id string) string
}

// Options are what the lab must know of the machine.
type Options struct {
	Places     Places
	Image      string         // what WriteImage returned
	Pool       []netip.Prefix // where outbound addresses come from; those in use are left alone
	Ingress    []netip.Prefix // where spaces' own addresses come from, if the engine has any
	Transit    netip.Prefix
	Masquerade bool // the outside sees the machine's address
	Upstream   *Upstream
	Only       []string // ids of the attacks to run; empty: all
	Told       func(Result)
}

// A Lab is two spaces with the same networks, and who lives in them. Web of both has the same address; Only of B has
// one that nobody has in A.
type Lab struct {
	Options
	engine  engine.Engine
	A, B    *Side
	Outside *outside
}

// A Side is one of the spaces.
type Side struct {
	Space engine.Space
	ns    netns
	Web   *Probe // listens on Port, as web dynos do
	Near  *Probe // of A: in the same space as Web
	Only  *Probe // of B: at an address that nobody has in A
	Data  *Probe
}

// A Probe is a workload of ours.
type Probe struct {
	engine.Status
	ns netns
}

func (p *Probe) at(port uint16) netip.AddrPort { return netip.AddrPortFrom(p.Address, port) }

// outbound is one of the space's outbound addresses, invalid if it has none.
func (s *Side) outbound() (a netip.Addr) {
	if len(s.Space.Outbound) > 0 {
		a = s.Space.Outbound[0]
	}
	return a
}

func (s *Side) probes() (out []*Probe) {
	for _, p := range []*Probe{s.Web, s.Near, s.Only, s.Data} {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// Open makes the lab, after what an earlier one left is gone.
func Open(ctx context.Context, e engine.Engine, o Options) (*Lab, error) {
	l := &Lab{Options: o, engine: e}
	if err := l.sweep(ctx); err != nil {
		return nil, fmt.Errorf("take an earlier run away: %w", err)
	}
	if err := l.furnish(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// furnish makes the spaces and who lives in them.
func (l *Lab) furnish(ctx context.Context) (err error) {
	if l.Outside, err = openOutside(l.Pool); err != nil {
		return err
	}
	if err := l.Outside.listenAll(); err != nil {
		return err
	}
	if l.A, err = l.space(ctx, spaceA); err != nil {
		return err
	}
	if l.B, err = l.space(ctx, spaceB); err != nil {
		return err
	}
	nodes, err := l.engine.Nodes(ctx)
	if err != nil || len(nodes) == 0 {
		return errors.Join(err, errors.New("the engine has no zones"))
	}
	first, last := nodes[0].Zone, nodes[len(nodes)-1].Zone
	web := func(s *Side) engine.Workload { return engine.Workload{Space: s.Space.ID, Zone: first, Port: 5000} }
	if l.A.Web, err = l.start(ctx, web(l.A), "serve"); err != nil {
		return err
	}
	if l.B.Web, err = l.start(ctx, web(l.B), "serve"); err != nil {
		return err
	}
	if l.A.Near, err = l.start(ctx, engine.Workload{Space: spaceA, Zone: first}, "serve"); err != nil {
		return err
	}
	for l.B.Only == nil || l.A.has(l.B.Only.Address) {
		if l.B.Only, err = l.start(ctx, engine.Workload{Space: spaceB, Zone: last, Port: 5000}, "serve"); err != nil {
			return err
		}
	}
	for _, s := range []*Side{l.A, l.B} {
		if s.Data, err = l.start(ctx, engine.Workload{Space: s.Space.ID, Zone: first, Subnet: engine.Data}, "serve"); err != nil {
			return err
		}
	}
	if l.A.Web.Address != l.B.Web.Address {
		return fmt.Errorf("dynos of equal spaces have different addresses: %s and %s", l.A.Web.Address, l.B.Web.Address)
	}
	return nil
}

func (s *Side) has(a netip.Addr) bool {
	return slices.ContainsFunc(s.probes(), func(p *Probe) bool { return p.Address == a })
}

// wanted is a space of the lab, without what is not the same for all.
func wanted(id string) engine.Space {
	return engine.Space{ID: id, Dynos: netip.MustParsePrefix("10.0.0.0/16"), Data: netip.MustParsePrefix("10.1.0.0/20"),
		Trusted: cloister.Everyone()}
}

// space makes a space, with the last outbound addresses of the pool that nobody has.
func (l *Lab) space(ctx context.Context, id string) (*Side, error) {
	s := &Side{Space: wanted(id), ns: netns(l.Places.SpaceNamespace(id))}
	var a netip.Addr
	if len(l.Pool) > 0 {
		a = last(l.Pool[len(l.Pool)-1]).Prev() // without the broadcast address
	}
	for tries := 0; ; tries++ {
		if a.IsValid() {
			s.Space.Outbound = []netip.Addr{a, a.Prev()}
		}
		err := l.engine.EnsureSpace(ctx, s.Space)
		if cloister.KindOf(err) == cloister.Conflict && a.IsValid() && tries < 1000 {
			a = a.Prev()
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("make a space: %w", err)
		}
		return s, nil
	}
}

// last is the highest address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// start runs a probe, and waits until it answers if it serves.
func (l *Lab) start(ctx context.Context, w engine.Workload, command ...string) (*Probe, error) {
	w.ID, w.Owner, w.Image, w.Size = owner+"-"+rand.Text()[:12], owner, l.Image, small
	w.Command = append([]string{probePath}, command...)
	w.Env = map[string]string{"PROBE": w.ID}
	if err := l.engine.Start(ctx, w); err != nil {
		return nil, fmt.Errorf("start a probe: %w", err)
	}
	list, err := l.engine.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(s engine.Status) bool { return s.ID == w.ID })
	if i < 0 {
		return nil, fmt.Errorf("probe %s is not listed", w.ID)
	}
	p := &Probe{Status: list[i], ns: netns(l.Places.WorkloadNamespace(w.ID))}
	own := net.JoinHostPort("127.0.0.1", "6000")
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, err := ask(p.ns, "tcp4", own, time.Second)
		if err == nil {
			return p, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return nil, fmt.Errorf("probe %s does not answer itself: %w", w.ID, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Close drops all that the lab has made. It does its work also when the run was interrupted.
func (l *Lab) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if l.Outside != nil {
		l.Outside.close()
	}
	return l.sweep(ctx)
}

// sweep drops workloads and spaces of this and of earlier labs.
func (l *Lab) sweep(ctx context.Context) error {
	list, err := l.engine.List(ctx, owner)
	if err != nil {
		return err
	}
	var errs error
	for _, s := range list {
		errs = errors.Join(errs, l.engine.Drop(ctx, s.ID))
	}
	for _, id := range []string{spaceA, spaceB, spaceAgain, spaceBuilds} {
		errs = errors.Join(errs, l.engine.DropSpace(ctx, id))
	}
	errs = errors.Join(errs, l.engine.DropVolume(ctx, volume))
	closeOutside()
	return errs
}
