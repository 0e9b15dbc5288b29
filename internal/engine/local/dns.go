package local

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A resolver answers the names that a space's workloads ask for, on an address inside the space. It asks the
// machine's resolvers, from the machine's namespace, since a space has no way there itself.
type resolver struct {
	upstream []netip.AddrPort
	log      *slog.Logger
	busy     chan struct{} // bounds the questions under way, so that one space cannot use up the machine's sockets
	servers  []*dns.Server
	serving  sync.WaitGroup
}

const (
	maxQuestions = 512
	localZone    = "localspace." // names of the platform's own; none exist yet, and they never leave the machine
)

// startResolver listens on addr inside ns. Sockets stay in the namespace they were opened in.
func startResolver(ns namespace, addr netip.Addr, upstream []netip.AddrPort, log *slog.Logger) (*resolver, error) {
	r := &resolver{upstream: upstream, log: log, busy: make(chan struct{}, maxQuestions)}
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
		{Listener: streams, Handler: r},
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
	switch {
	case len(q.Question) != 1 || q.Opcode != dns.OpcodeQuery:
		reply.Rcode = dns.RcodeRefused
	case under(q.Question[0].Name, localZone):
		reply.Rcode = dns.RcodeNameError
	default:
		select {
		case r.busy <- struct{}{}:
			reply = r.ask(w, q, reply)
			<-r.busy
		default:
			reply.Rcode = dns.RcodeServerFailure
		}
	}
	w.WriteMsg(reply)
}

// ask puts the question to each of the machine's resolvers until one answers.
func (r *resolver) ask(w dns.ResponseWriter, q, failed *dns.Msg) *dns.Msg {
	network := w.LocalAddr().Network()
	size := uint16(dns.MinMsgSize)
	if o := q.IsEdns0(); o != nil {
		size = max(size, o.UDPSize())
	}
	out := q.Copy()
	out.Id = dns.Id() // the workload's choice is not ours: it must not choose what we are spoofed with
	for _, server := range r.upstream {
		c := &dns.Client{Net: network, UDPSize: size}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		answer, _, err := c.ExchangeContext(ctx, out, server.String())
		cancel()
		if err != nil {
			continue
		}
		answer.Id = q.Id
		if network == "udp" {
			answer.Truncate(int(size))
		}
		return answer
	}
	failed.Rcode = dns.RcodeServerFailure
	return failed
}

func under(name, zone string) bool {
	name = strings.ToLower(name)
	return name == zone || strings.HasSuffix(name, "."+zone)
}
