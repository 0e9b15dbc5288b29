package isolation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
)

// front gives the other space an address of its own to be reached by, which only some may use. It is invalid where
// the engine has no such addresses.
func (t *Trial) front(ctx context.Context, trusted ...netip.Addr) (netip.AddrPort, error) {
	i := slices.IndexFunc(t.Ingress, func(p netip.Prefix) bool { return p.Addr().Is4() })
	if i < 0 {
		return netip.AddrPort{}, nil
	}
	s := t.B.Space
	s.Trusted = nil
	for _, a := range trusted {
		s.Trusted = append(s.Trusted, netip.PrefixFrom(a, a.BitLen()))
	}
	a := last(t.Ingress[i]).Prev()
	for tries := 0; ; tries++ {
		s.Ingress = []netip.Addr{a}
		err := t.engine.EnsureSpace(ctx, s)
		if cloister.KindOf(err) == cloister.Conflict && tries < 1000 {
			a = a.Prev()
			continue
		}
		t.later(func() { t.engine.EnsureSpace(context.WithoutCancel(ctx), t.B.Space) })
		if err != nil {
			err = fmt.Errorf("give the other space an address: %w", err)
		}
		return netip.AddrPortFrom(a, 80), err
	}
}

// visit asks the router at an address. What it says does not matter, only that it answers.
func visit(from netns, source netip.Addr, to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: 500 * time.Millisecond}
	if source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	var c net.Conn
	err := from.do(func() (err error) { c, err = d.Dial("tcp4", to.String()); return err })
	return c, err
}

// says sends a request and returns the beginning of the answer.
func says(c net.Conn) (string, error) {
	c.SetDeadline(time.Now().Add(700 * time.Millisecond))
	if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n"); err != nil {
		return "", err
	}
	buf := make([]byte, 512)
	n, err := c.Read(buf)
	return string(buf[:n]), err
}

// asStranger comes to the other space by its own address: trusted or not, as any client, and under the space's name.
func (t *Trial) asStranger(ctx context.Context) error {
	at, err := t.front(ctx, t.Outside.Address)
	if err != nil || !at.IsValid() {
		t.note("no ingress addresses")
		return err
	}
	c, err := visit(t.Outside.ns, t.Outside.Address, at)
	if err != nil {
		return broken("who is trusted does not reach the space: %w", err)
	}
	c.Close()
	for name, from := range map[string]struct {
		ns     netns
		source netip.Addr
	}{"another space": {t.A.Web.ns, netip.Addr{}}, "a stranger": {t.Outside.ns, t.Outside.Second}} {
		if c, err := visit(from.ns, from.source, at); err == nil {
			c.Close()
			t.Through("%s that is not trusted connects to %s", name, at)
		} else if errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "refused") {
			t.Through("%s that is not trusted is refused by %s, not ignored", name, at)
		}
	}
	if len(t.A.Space.Outbound) == 0 {
		return nil
	}
	if _, err := t.front(ctx, append(slices.Clone(t.A.Space.Outbound), t.Outside.Address)...); err != nil {
		return err
	}
	c, err = visit(t.A.Web.ns, netip.Addr{}, at)
	if err != nil {
		return broken("another space that is trusted does not connect: %w", err)
	}
	defer c.Close()
	if got, err := says(c); err != nil {
		return broken("another space that is trusted gets no answer: %w", err)
	} else if who, found := strings.CutPrefix(strings.TrimSpace(got), "router "); found { // one that tells whom it saw
		if a, err := netip.ParseAddrPort(who); err != nil || !slices.Contains(t.A.Space.Outbound, a.Addr()) {
			t.Through("another space comes as %s, not as one of %v", who, t.A.Space.Outbound)
		}
	}
	return nil
}

// noLongerTrusted holds connections to the other space while one of the ranges that it trusts is taken back.
func (t *Trial) noLongerTrusted(ctx context.Context) error {
	at, err := t.front(ctx, t.Outside.Address, t.Outside.Second)
	if err != nil || !at.IsValid() {
		return err
	}
	var stays, goes net.Conn
	for _, v := range []struct {
		source netip.Addr
		into   *net.Conn
	}{{t.Outside.Address, &stays}, {t.Outside.Second, &goes}} {
		tried, err := visit(t.Outside.ns, v.source, at)
		if err == nil {
			_, err = says(tried)
			tried.Close()
		}
		if err == nil {
			*v.into, err = visit(t.Outside.ns, v.source, at)
		}
		if err != nil {
			return broken("who is trusted gets no answer: %w", err)
		}
		t.later(func() { (*v.into).Close() })
	}
	if _, err := t.front(ctx, t.Outside.Address); err != nil {
		return err
	}
	if got, err := says(goes); err == nil {
		t.Through("a connection goes on after its range is gone: %.20q", got)
	}
	if _, err := says(stays); err != nil {
		t.Through("a connection that is still trusted is cut: %v", err)
	}
	if c, err := visit(t.Outside.ns, t.Outside.Second, at); err == nil {
		c.Close()
		t.Through("a new connection is made after its range is gone")
	}
	return nil
}
