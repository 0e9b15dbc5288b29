package local

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"
)

// A resolver answers the names that a space's workloads ask for, on an address inside the space: what the space knows
// by itself at once, and the rest by asking the machine's resolvers, from the machine's namespace, since a space has
// no way there itself. It remembers no answer, so nothing that one space is told ever reaches another.
type resolver struct {
	upstream []netip.AddrPort
	own      []netip.Prefix // this machine's addresses that no name from outside may lead to
	table    atomic.Pointer[nameTable]
	log      *slog.Logger
	busy     chan struct{} // bounds the questions under way, so that one space cannot use up the machine's sockets
	servers  []*dns.Server
	serving  sync.WaitGroup
}

const (
	maxQuestions = 512
	maxClients   = 128  // connections at once
	maxPacket    = 1232 // what passes everywhere in one piece; larger answers go by TCP
	idle         = 5 * time.Second
	patience     = 3 * time.Second // with each of the machine's resolvers
)

// startResolver listens on addr inside ns. Sockets stay in the namespace they were opened in.
func startResolver(ns namespace, addr netip.Addr, c Config, table *nameTable, log *slog.Logger) (*resolver, error) {
	r := &resolver{upstream: c.Resolvers, own: append(slices.Clone(c.Outbound), c.Transit), log: log, busy: make(chan struct{}, maxQuestions)}
	r.table.Store(table)
	at := netip.AddrPortFrom(addr, 53)
	var packets net.PacketConn
	var streams net.Listener
	err := ns.do(func() (err error) {
		if packets, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at)); err != nil {
			return err
		}
		if streams, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at)); err != nil {
			packets.Close()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen for names on %s: %w", at, err)
	}
	r.servers = []*dns.Server{
		{PacketConn: packets, Handler: r, UDPSize: dns.DefaultMsgSize},
		{Listener: netutil.LimitListener(streams, maxClients), Handler: r, IdleTimeout: func() time.Duration { return idle }},
	}
	for _, s := range r.servers {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		r.serving.Go(func() {
			if err := s.ActivateAndServe(); err != nil {
				r.log.Warn("resolver ended", "address", at, "error", err)
			}
		})
		<-started
	}
	return r, nil
}

// close stops answering.
func (r *resolver) close() {
	if r == nil {
		return
	}
	for _, s := range r.servers {
		s.Shutdown()
	}
	r.serving.Wait()
}

// ServeDNS answers one question.
func (r *resolver) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	reply := new(dns.Msg).SetReply(q)
	reply.RecursionAvailable = true
	table := r.table.Load()
	switch {
	case q.Response:
		return // an answer to an answer can go on for ever
	case q.Opcode != dns.OpcodeQuery || len(q.Question) != 1 || !simple(q.Question[0]):
		reply.Rcode = dns.RcodeRefused
	case table.answer(reply):
	case table.sealed:
		r.refuse(reply, q, "this space has no way outside")
	default:
		select {
		case r.busy <- struct{}{}:
			r.ask(reply, q, w.LocalAddr().Network())
			<-r.busy
		default:
			reply.Rcode = dns.RcodeServerFailure
		}
	}
	size := dns.MinMsgSize
	if o := q.IsEdns0(); o != nil {
		size = min(max(size, int(o.UDPSize())), maxPacket)
		if reply.IsEdns0() == nil {
			reply.SetEdns0(maxPacket, o.Do())
		}
	}
	if w.LocalAddr().Network() == "udp" {
		reply.Truncate(size)
	}
	w.WriteMsg(reply) // who does not wait for it asks again
}

// simple reports whether a question is for one kind of records of the internet. Those for all kinds at once, and for
// whole zones, serve only to make answers large (RFC 8482) and to look around.
func simple(q dns.Question) bool {
	return q.Qclass == dns.ClassINET && q.Qtype != dns.TypeNone && q.Qtype != dns.TypeOPT && (q.Qtype < 128 || q.Qtype > 255)
}

// refuse says no, and why to those who can read it.
func (r *resolver) refuse(reply, q *dns.Msg, why string) {
	reply.Rcode = dns.RcodeRefused
	explainTo(reply, q, why)
}

// explainTo adds a reason to a reply, as RFC 8914 has it.
func explainTo(reply, q *dns.Msg, why string) {
	o := q.IsEdns0()
	if o == nil {
		return
	}
	reply.SetEdns0(maxPacket, o.Do())
	reply.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeBlocked, ExtraText: why}}
}

// ask puts the question to each of the machine's resolvers until one knows an answer, and fills in what of it may be
// passed on.
func (r *resolver) ask(reply, q *dns.Msg, network string) {
	out := new(dns.Msg) // the question alone: nothing else that a workload says goes outside
	out.Question = []dns.Question{q.Question[0]}
	out.RecursionDesired, out.CheckingDisabled = true, q.CheckingDisabled
	o := q.IsEdns0()
	out.SetEdns0(maxPacket, o != nil && o.Do())
	reply.Rcode = dns.RcodeServerFailure
	for _, server := range r.upstream {
		answer, err := exchange(network, server, out)
		if err != nil {
			continue
		}
		if reply.Rcode = answer.Rcode; answer.Rcode == dns.RcodeSuccess || answer.Rcode == dns.RcodeNameError {
			reply.Truncated, reply.AuthenticatedData = answer.Truncated, answer.AuthenticatedData
			if r.pass(reply, answer) {
				explainTo(reply, q, "the name leads to an address that is not public")
			}
			return
		}
	}
}

// exchange asks one server, from a port and with an id that nobody can guess. What does not answer just this question
// is not looked at.
func exchange(network string, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	q.Id = dns.Id()
	c, err := (&dns.Client{Net: network, Timeout: patience}).Dial(server.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.UDPSize = dns.DefaultMsgSize
	c.SetDeadline(time.Now().Add(patience))
	if err := c.WriteMsg(q); err != nil {
		return nil, err
	}
	for {
		answer, err := c.ReadMsg()
		if answer == nil || network == "tcp" && err != nil { // no message at all, rather than a bad one
			return nil, err
		}
		if err == nil && answer.Response && answer.Id == q.Id && len(answer.Question) == 1 && same(answer.Question[0], q.Question[0]) {
			return answer, nil
		}
		if network == "tcp" {
			return nil, errors.New("it answers another question")
		}
	}
}

func same(a, b dns.Question) bool {
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && strings.EqualFold(a.Name, b.Name)
}
