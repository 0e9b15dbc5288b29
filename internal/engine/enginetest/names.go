package enginetest

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/engine"
)

var names = []contract{
	{"a name of a space leads to all its addresses", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		b.rename(`{"version":1}`, name("web.a.app.localspace.", "10.0.128.7", "10.0.144.7"), name("worker_x.a.app.localspace.", "10.0.128.8"))
		b.resolves(w, "web.a.app.localspace", "10.0.128.7", "10.0.144.7")
		b.resolves(w, "worker_x.a.app.localspace", "10.0.128.8")
		b.resolves(w, "web.b.app.localspace")
		b.resolves(w, "localspace")
	}},
	{"names change at once, and those that are gone lead nowhere", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		b.rename(`{}`, name("old.app.localspace.", "10.0.128.7"), name("web.a.app.localspace.", "10.0.128.7"))
		b.resolves(w, "old.app.localspace", "10.0.128.7")
		b.rename(`{}`, name("web.a.app.localspace.", "10.0.128.9"))
		b.resolves(w, "old.app.localspace")
		b.resolves(w, "web.a.app.localspace", "10.0.128.9")
	}},
	{"a host name may be a space's own", func(b *bench) {
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		b.rename(`{}`, name("shop-0123456789ab.apps.example.com.", "10.0.0.10"))
		b.resolves(w, "shop-0123456789ab.apps.example.com", "10.0.0.10")
	}},
	{"another space knows none of the names", func(b *bench) {
		b.rename(`{}`, name("web.a.app.localspace.", "10.0.128.7"))
		w := b.workload(b.Commands.Wait)
		w.Space = b.newSpace().ID
		b.untilRunning(b.start(w))
		b.resolves(w, "web.a.app.localspace")
		b.reads(w, "")
	}},
	{"a space that is made again knows nothing of the one before", func(b *bench) {
		b.rename(`{"apps":["old"]}`, name("old.app.localspace.", "10.0.128.7"))
		b.must(b.Engine.DropSpace(b.ctx, b.space.ID))
		b.space.Names, b.space.Topology = nil, nil
		b.must(b.Engine.EnsureSpace(b.ctx, b.space))
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		b.resolves(w, "old.app.localspace")
		b.reads(w, "")
	}},
	{"dynos read the topology, and see it change", func(b *bench) {
		early := b.run(b.Commands.Wait)
		b.untilRunning(early)
		b.reads(early, "")
		b.rename(`{"version":1,"apps":[]}`)
		late := b.run(b.Commands.Wait)
		b.untilRunning(late)
		for _, text := range []string{`{"version":1,"apps":[]}`, `{"version":1,"apps":[{}]}`, ``, `{}`} {
			b.rename(text)
			b.reads(early, text)
			b.reads(late, text)
		}
	}},
	{"nobody changes the topology from inside", func(b *bench) {
		b.rename(`{}`)
		w := b.run(b.Commands.Wait)
		b.untilRunning(w)
		for _, path := range topologyFiles {
			if _, status := b.output(w, b.Commands.Write(path, "mine")); status == 0 {
				b.Errorf("%s was written", path)
			}
		}
		b.reads(w, `{}`)
	}},
	{"data services have no topology", func(b *bench) {
		b.rename(`{}`)
		data := b.workload(b.Commands.Wait)
		data.Subnet = engine.Data
		b.untilRunning(b.start(data))
		b.reads(data, "")
	}},
}

var topologyFiles = []string{"/etc/heroku/space-topology.json", "/etc/heroku/space-topology.v1.json"}

func name(name string, addresses ...string) engine.Name {
	n := engine.Name{Name: name}
	for _, a := range addresses {
		n.Addresses = append(n.Addresses, netip.MustParseAddr(a))
	}
	return n
}

// rename gives the test's space names and a topology; "" is none.
func (b *bench) rename(topology string, names ...engine.Name) {
	b.Helper()
	b.space.Names, b.space.Topology = names, []byte(topology)
	if topology == "" {
		b.space.Topology = nil
	}
	b.must(b.Engine.EnsureSpace(b.ctx, b.space))
}

// resolves checks what a name leads to for a workload; nothing: it must not exist.
func (b *bench) resolves(w engine.Workload, name string, want ...string) {
	b.Helper()
	out, status := b.output(w, b.Commands.Resolve(name))
	if got := strings.Fields(out); !slices.Equal(got, want) || (status == 0) != (len(want) > 0) {
		b.Errorf("%s leads to %q (exit status %d), want %q", name, got, status, want)
	}
}

// reads checks the topology that a workload sees; "": it must not see any.
func (b *bench) reads(w engine.Workload, want string) {
	b.Helper()
	for _, path := range topologyFiles {
		out, status := b.output(w, b.Commands.Read(path))
		if strings.TrimSpace(out) != want || (status == 0) != (want != "") {
			b.Errorf("%s is %q (exit status %d), want %q", path, out, status, want)
		}
	}
}

// output is what a process prints inside a running workload, and its exit status.
func (b *bench) output(w engine.Workload, command []string) (string, int) {
	b.Helper()
	var out bytes.Buffer
	status, err := b.Engine.Exec(b.ctx, w.ID, engine.Process{Command: command}, engine.Terminal{Out: &out})
	b.must(err)
	return out.String(), status
}
