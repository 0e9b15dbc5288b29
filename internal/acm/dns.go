package acm

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/cloister-dev/cloister"
)

// A Hook is a program of the operator's that changes the DNS: it is run as "PROGRAM add|remove NAME TEXT", and has done so when it
// ends with 0.
type Hook struct{ Path string }

// hookPatience is how long the program may take: some providers' records are not there for half a minute.
const hookPatience = 45 * time.Second

func (h Hook) Put(ctx context.Context, name, text string) error { return h.run(ctx, "add", name, text) }

func (h Hook) Drop(ctx context.Context, name, text string) error {
	return h.run(ctx, "remove", name, text)
}

func (h Hook) run(ctx context.Context, what, name, text string) error {
	ctx, cancel := context.WithTimeout(ctx, hookPatience)
	defer cancel()
	c := exec.CommandContext(ctx, h.Path, what, name, text)
	c.WaitDelay = time.Second
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s %s: %w: %s", h.Path, what, name, err, cloister.Words(string(bytes.TrimSpace(out)), 300))
	}
	return nil
}

// An Updater changes the DNS by dynamic updates (RFC 2136), signed with a key (TSIG).
type Updater struct {
	Server    string // "ns1.example.com:53"
	KeyName   string // "cloister."; "": updates are not signed
	Algorithm string // "hmac-sha256."
	Secret    cloister.Secret
}

// recordLife is in seconds: nobody asks twice.
const recordLife = 30

func (u Updater) Put(ctx context.Context, name, text string) error {
	return u.change(ctx, name, func(m *dns.Msg, rr dns.RR) { m.Insert([]dns.RR{rr}) }, text)
}

func (u Updater) Drop(ctx context.Context, name, text string) error {
	return u.change(ctx, name, func(m *dns.Msg, rr dns.RR) { m.Remove([]dns.RR{rr}) }, text)
}

func (u Updater) change(ctx context.Context, name string, change func(*dns.Msg, dns.RR), text string) error {
	name = dns.Fqdn(name)
	zone, err := u.zone(ctx, name)
	if err != nil {
		return err
	}
	m := new(dns.Msg).SetUpdate(zone)
	change(m, &dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: recordLife}, Txt: []string{text}})
	_, err = u.ask(ctx, m)
	return err
}

// zone finds the zone that a name is in, by asking the server whose it is.
func (u Updater) zone(ctx context.Context, name string) (string, error) {
	for rest := name; rest != "."; {
		m := new(dns.Msg).SetQuestion(rest, dns.TypeSOA)
		reply, err := u.ask(ctx, m)
		if err == nil {
			for _, rr := range reply.Answer {
				if soa, ok := rr.(*dns.SOA); ok {
					return soa.Hdr.Name, nil
				}
			}
		} else if _, refused := err.(answer); !refused {
			return "", err
		}
		_, above, _ := strings.Cut(rest, ".")
		rest = dns.Fqdn(above)
	}
	return "", fmt.Errorf("the DNS server %s has no zone that %s is in", u.Server, name)
}

// An answer is a DNS server's no.
type answer struct {
	server string
	code   int
}

func (a answer) Error() string {
	return fmt.Sprintf("the DNS server %s answers %s", a.server, dns.RcodeToString[a.code])
}

func (u Updater) ask(ctx context.Context, m *dns.Msg) (*dns.Msg, error) {
	c := &dns.Client{Net: "tcp", Timeout: 10 * time.Second}
	if u.KeyName != "" {
		c.TsigSecret = map[string]string{dns.Fqdn(u.KeyName): u.Secret.Reveal()}
		m.SetTsig(dns.Fqdn(u.KeyName), dns.Fqdn(u.Algorithm), 300, time.Now().Unix())
	}
	server := u.Server
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "53")
	}
	reply, _, err := c.ExchangeContext(ctx, m, server)
	if err != nil {
		return nil, fmt.Errorf("ask the DNS server %s: %w", u.Server, err)
	}
	if reply.Rcode != dns.RcodeSuccess {
		return nil, answer{u.Server, reply.Rcode}
	}
	return reply, nil
}
