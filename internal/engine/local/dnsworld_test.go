package local_test

import (
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister/internal/engine"
)

// An outside is what the machine's resolver knows, and what it was asked.
type outside struct {
	*testing.T
	mu     sync.Mutex
	knows  map[string][]string // by name and type: records, as in a zone file
	asked  []string
	before func(w dns.ResponseWriter, q *dns.Msg) // is called before an answer is sent
}

const outsideAddress = "127.0.0.1:5353"

func newOutside(t *testing.T, knows map[string][]string) *outside {
	o := &outside{T: t, knows: knows}
	started := make(chan struct{}, 2)
	for _, network := range []string{"udp", "tcp"} {
		s := &dns.Server{Addr: outsideAddress, Net: network, Handler: o, NotifyStartedFunc: func() { started <- struct{}{} }}
		go s.ListenAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	return o
}

func (o *outside) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := strings.ToLower(q.Question[0].Name) + " " + dns.TypeToString[q.Question[0].Qtype]
	o.asked = append(o.asked, key)
	r := new(dns.Msg).SetReply(q)
	for _, text := range o.knows[key] {
		where := &r.Answer
		for prefix, section := range map[string]*[]dns.RR{"authority: ": &r.Ns, "additional: ": &r.Extra} {
			if rest, ok := strings.CutPrefix(text, prefix); ok {
				text, where = rest, section
			}
		}
		rr, err := dns.NewRR(text)
		if err != nil {
			o.Error(err)
			continue
		}
		*where = append(*where, rr)
	}
	if w.LocalAddr().Network() == "udp" {
		r.Truncate(1232)
	}
	if o.before != nil {
		o.before(w, q)
	}
	w.WriteMsg(r)
}

// questions are those that came outside since the last call.
func (o *outside) questions() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() { o.asked = nil }()
	return o.asked
}

// ask puts a question to the resolver of a workload's space, from inside the workload.
func (m *machine) ask(w engine.Workload, network string, q *dns.Msg) *dns.Msg {
	m.Helper()
	c, err := dialInside(filepath.Join(m.config.Run, "netns", "workload-"+w.ID), network, "10.0.0.2:53")
	if err != nil {
		m.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	conn := &dns.Conn{Conn: c, UDPSize: dns.MaxMsgSize}
	if err := conn.WriteMsg(q); err != nil {
		m.Fatal(err)
	}
	r, err := conn.ReadMsg()
	if r != nil {
		r.Compress = true // so that its length is that of the message
	}
	if err != nil {
		m.Fatalf("%s over %s: %v", q.Question[0].String(), network, err)
	}
	return r
}

func dialInside(ns, network, to string) (c net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		fd, e := unix.Open(ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if e == nil {
			e = unix.Setns(fd, unix.CLONE_NEWNET)
			unix.Close(fd)
		}
		if err = e; e == nil {
			c, err = net.DialTimeout(network, to, 5*time.Second)
		}
	}()
	<-done
	return c, err
}

func question(name string, typ uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, typ) }

// answers are the records of a reply without their names, sorted.
func answers(r *dns.Msg) (out []string) {
	for _, rr := range r.Answer {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(out)
	return out
}

// A namesTest is a space with names and a workload in it that asks.
type namesTest struct {
	*machine
	e     engine.Engine
	space engine.Space
	w     engine.Workload
	out   *outside
}

func newNamesTest(t *testing.T, name string, knows map[string][]string, names ...engine.Name) *namesTest {
	m := newMachine(t, name)
	m.sh("ip link set lo up")
	n := &namesTest{machine: m, out: newOutside(t, knows)}
	m.config.Resolvers = []netip.AddrPort{netip.MustParseAddrPort(outsideAddress)}
	n.e = m.open()
	n.space = m.space(n.e)
	n.rename(names...)
	n.w = m.run(n.e, n.space, "sleep", "1000")
	return n
}

func (n *namesTest) rename(names ...engine.Name) {
	n.Helper()
	n.space.Names = names
	if err := n.e.EnsureSpace(n.Context(), n.space); err != nil {
		n.Fatal(err)
	}
}

func named(name string, addresses ...string) engine.Name {
	out := engine.Name{Name: name}
	for _, a := range addresses {
		out.Addresses = append(out.Addresses, netip.MustParseAddr(a))
	}
	return out
}
