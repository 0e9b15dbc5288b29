package isolation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Types of DNS questions.
const (
	typeA    = dnsmessage.TypeA
	typeAAAA = dnsmessage.TypeAAAA
	typePTR  = dnsmessage.TypePTR
	typeTXT  = dnsmessage.TypeTXT
	typeAXFR = dnsmessage.TypeAXFR
	typeANY  = dnsmessage.TypeALL
	typeNSEC = dnsmessage.Type(47)
)

// question is a question in wire format. With size, the answer may be so large.
func question(name string, kind dnsmessage.Type, size int) ([]byte, error) {
	n, err := dnsmessage.NewName(name)
	if err != nil {
		return nil, fmt.Errorf("name %s: %w", name, err)
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: uint16(time.Now().UnixNano()), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: n, Type: kind, Class: dnsmessage.ClassINET}}}
	if size > 0 {
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(size, dnsmessage.RCodeSuccess, false); err != nil {
			return nil, err
		}
		m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
	}
	return m.Pack()
}

// lookup asks a space's resolver from inside a namespace.
func lookup(from netns, s *Side, network, name string, kind dnsmessage.Type) (dnsmessage.Message, error) {
	m, _, err := lookupSize(from, s, network, name, kind, 0)
	return m, err
}

// lookupSize also tells how many bytes the answer had.
func lookupSize(from netns, s *Side, network, name string, kind dnsmessage.Type, size int) (m dnsmessage.Message, n int, err error) {
	q, err := question(name, kind, size)
	if err != nil {
		return m, 0, err
	}
	server := netip.AddrPortFrom(s.Space.Dynos.Addr().Next().Next(), 53)
	c, err := from.dial(network, server.String(), 2*time.Second)
	if err != nil {
		return m, 0, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(4 * time.Second))
	buf := make([]byte, 65536)
	if network == "tcp4" {
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)); err != nil {
			return m, 0, err
		}
		if _, err := io.ReadFull(c, buf[:2]); err != nil {
			return m, 0, err
		}
		n = int(binary.BigEndian.Uint16(buf))
		_, err = io.ReadFull(c, buf[:n])
	} else {
		if _, err := c.Write(q); err != nil {
			return m, 0, err
		}
		n, err = c.Read(buf)
	}
	if err != nil {
		return m, 0, err
	}
	return m, n, m.Unpack(buf[:n])
}

// addresses are those in the answers of a message.
func addresses(m dnsmessage.Message) (out []netip.Addr) {
	for _, a := range m.Answers {
		switch b := a.Body.(type) {
		case *dnsmessage.AResource:
			out = append(out, netip.AddrFrom4(b.A))
		case *dnsmessage.AAAAResource:
			out = append(out, netip.AddrFrom16(b.AAAA))
		}
	}
	return out
}

// An Upstream is the internet's name service where it is ours to be hostile: it knows ok.test, which is somebody
// outside; under rebind.test it answers with addresses that are nobody's business; big.test has a lot to say. It
// remembers what it was asked.
type Upstream struct {
	serving sync.WaitGroup

	mu    sync.Mutex
	ends  []func() error
	asked []string
	ok    netip.Addr
}

// hostile are the answers for names under rebind.test, by their first label.
var hostile = map[string]string{"ten": "10.0.128.1", "b": "10.0.144.1", "loop": "127.0.0.1", "zero": "0.0.0.0", "meta": "169.254.169.254",
	"lan": "192.168.1.1", "mid": "172.16.0.1", "transit": "100.64.0.1", "azure": "168.63.129.16", "group": "224.0.0.1", "last": "255.255.255.255",
	"six": "::1", "ula": "fd00:ec2::254", "ll": "fe80::1", "mapped": "::ffff:10.0.128.1", "nat64": "64:ff9b::a9fe:a9fe"}

// OpenUpstream listens for questions on a loopback address.
func OpenUpstream(at netip.AddrPort) (*Upstream, error) {
	u := &Upstream{}
	return u, u.Listen("", at)
}

// Listen listens at another address too, in the network namespace of a file, or in the machine's own for "".
func (u *Upstream) Listen(file string, at netip.AddrPort) error {
	streams, packets, err := netns(file).listen(at.String())
	if err != nil {
		return fmt.Errorf("listen for questions: %w", err)
	}
	u.mu.Lock()
	u.ends = append(u.ends, streams.Close, packets.Close)
	u.mu.Unlock()
	u.serving.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := packets.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if answer := u.answer(buf[:max(n, 0)], true); answer != nil && err == nil {
				packets.WriteTo(answer, from)
			}
		}
	})
	u.serving.Go(func() {
		for {
			c, err := streams.Accept()
			if err != nil {
				return
			}
			u.serving.Go(func() { u.converse(c) })
		}
	})
	return nil
}

// converse answers one question on a connection.
func (u *Upstream) converse(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	q := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, q); err != nil {
		return
	}
	if a := u.answer(q, false); a != nil {
		c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
	}
}

// Close ends the service.
func (u *Upstream) Close() {
	u.mu.Lock()
	for _, end := range u.ends {
		end()
	}
	u.mu.Unlock()
	u.serving.Wait()
}

// answer answers one question, as it came.
func (u *Upstream) answer(q []byte, short bool) []byte {
	var m dnsmessage.Message
	if m.Unpack(q) != nil || len(m.Questions) != 1 {
		return nil
	}
	question := m.Questions[0]
	name := strings.ToLower(question.Name.String())
	u.mu.Lock()
	u.asked = append(u.asked, name)
	ok := u.ok
	u.mu.Unlock()
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	head := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 60}
	add := func(b dnsmessage.ResourceBody) {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: b})
	}
	first, zone, _ := strings.Cut(name, ".")
	bad, _ := netip.ParseAddr(hostile[first])
	switch {
	case name == "ok.test." && question.Type == typeA && ok.IsValid():
		add(&dnsmessage.AResource{A: ok.As4()})
	case name == "ok.test." || strings.HasSuffix(name, ".ok.test."):
	case zone == "rebind.test." && bad.Is4() && question.Type == typeA:
		add(&dnsmessage.AResource{A: bad.As4()})
	case zone == "rebind.test." && bad.Is6() && question.Type == typeAAAA:
		add(&dnsmessage.AAAAResource{AAAA: bad.As16()})
	case zone == "rebind.test.":
	case name == "both.test." && question.Type == typeA: // a good one first
		add(&dnsmessage.AResource{A: ok.As4()})
		add(&dnsmessage.AResource{A: [4]byte{169, 254, 169, 254}})
	case name == "big.test.":
		for i := range 60 {
			add(&dnsmessage.TXTResource{TXT: []string{fmt.Sprint(i, strings.Repeat("x", 50))}})
		}
	default:
		m.RCode = dnsmessage.RCodeNameError
	}
	out, err := m.Pack()
	if err == nil && short && len(out) > size(q) {
		m.Truncated, m.Answers = true, nil
		out, err = m.Pack()
	}
	if err != nil {
		return nil
	}
	return out
}

// size is how large an answer a question allows.
func size(q []byte) int {
	var m dnsmessage.Message
	m.Unpack(q)
	for _, a := range m.Additionals {
		if a.Header.Type == dnsmessage.TypeOPT {
			return max(512, int(a.Header.Class))
		}
	}
	return 512
}

// heard reports whether it was asked for a name that contains a text.
func (u *Upstream) heard(text string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.ContainsFunc(u.asked, func(n string) bool { return strings.Contains(n, strings.ToLower(text)) })
}

// knows sets the address of ok.test.
func (u *Upstream) knows(a netip.Addr) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ok, u.asked = a, nil
}
