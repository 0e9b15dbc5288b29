package cli

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// A tunnel makes connections from inside a dyno.
type tunnel struct {
	client *heroku.Client
	roots  *x509.CertPool
	app    string
	dyno   string
	warn   func(format string, args ...any)
}

// tunnel is one into a dyno that runs.
func (s *Session) tunnel(ctx context.Context, f appFlag, dyno string) (*tunnel, error) {
	h, app, err := f.target(ctx, s)
	if err != nil {
		return nil, err
	}
	roots, err := s.roots()
	if err != nil {
		return nil, err
	}
	all, err := h.Dynos(ctx, app)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(d heroku.Dyno) bool { return d.Name == dyno }) {
		return nil, complain("%s has no dyno %s. See `cloister ps`.", app, dyno)
	}
	return &tunnel{client: h, roots: roots, app: app, dyno: dyno, warn: s.Term.Warn}, nil
}

// dial connects to an address as the dyno sees it; 0.0.0.0 is the dyno itself.
func (t *tunnel) dial(ctx context.Context, address string) (attached, error) {
	d, err := t.client.RunInside(ctx, t.app, t.dyno, heroku.DynoCreateOpts{Dial: address, Attach: true, ForceNoTTY: true})
	if err != nil {
		return attached{}, err
	}
	if d.AttachURL == nil {
		return attached{}, errNoAddress
	}
	conn, err := rendezvous(ctx, *d.AttachURL, t.roots, true)
	if err != nil {
		return attached{}, err
	}
	first, err := conn.in.ReadByte() // zero when it is connected; what comes otherwise says why not
	if err == nil && first == 0 {
		return conn, nil
	}
	defer conn.Close()
	if err != nil {
		return attached{}, fmt.Errorf("connect to %s: %w", address, err)
	}
	why, _ := io.ReadAll(io.LimitReader(conn.in, 1000))
	return attached{}, errors.New(strings.TrimSpace(string(first) + string(why)))
}

// listen serves connections to an address of this machine until ctx is done, and waits for those that there are.
func (t *tunnel) listen(ctx context.Context, l net.Listener, do func(context.Context, net.Conn) error) error {
	return serve(ctx, l, func(c net.Conn) {
		if err := do(ctx, c); err != nil && ctx.Err() == nil {
			t.warn("%v", err)
		}
	})
}

type psForward struct {
	appFlag
	Dyno  string   `short:"d" default:"web.1" placeholder:"DYNO" help:"The dyno (${default})."`
	Ports []string `arg:"" sep:"," placeholder:"PORT" help:"Ports, as 4000 or 9000:9001: here, and in the dyno."`
}

// Run forwards ports of this machine to a dyno until it is interrupted.
func (c *psForward) Run(ctx context.Context, s *Session) error {
	t, err := s.tunnel(ctx, c.appFlag, c.Dyno)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, mapping := range c.Ports {
		here, there, found := strings.Cut(mapping, ":")
		if !found {
			there = here
		}
		for _, p := range []string{here, there} {
			if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 && p == there {
				return complain("%q is no port. Use a number, or two: HERE:IN-THE-DYNO.", mapping)
			}
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", here))
		if err != nil {
			return err
		}
		s.Term.Line("Listening on %s and forwarding to %s:%s", l.Addr().(*net.TCPAddr).AddrPort(), t.dyno, there)
		all.Go(func() {
			cancel(t.listen(ctx, l, func(ctx context.Context, conn net.Conn) error {
				out, err := t.dial(ctx, net.JoinHostPort("0.0.0.0", there))
				if err != nil {
					return err
				}
				defer out.Close()
				join(ctx, conn, conn, out)
				return nil
			}))
		})
	}
	s.Term.Line("Use CTRL+C to stop port forwarding")
	<-ctx.Done()
	return forwarded(ctx)
}

// forwarded is why forwarding ended; that somebody interrupted it is how it should.
func forwarded(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

type psSocks struct {
	appFlag
	Dyno string `short:"d" default:"web.1" placeholder:"DYNO" help:"The dyno (${default})."`
	Port string `short:"p" default:"1080" placeholder:"PORT" help:"The port on this machine (${default})."`
}

// Run is a SOCKS proxy into the network of a dyno until it is interrupted.
func (c *psSocks) Run(ctx context.Context, s *Session) error {
	t, err := s.tunnel(ctx, c.appFlag, c.Dyno)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", c.Port))
	if err != nil {
		return err
	}
	s.Term.Line("SOCKSv5 proxy server started on %s", l.Addr())
	s.Term.Line("Use CTRL+C to stop the proxy")
	return t.listen(ctx, l, t.socks)
}

// The words of SOCKS version 5 (RFC 1928), as far as they are spoken here: to connect, without signing in.
const (
	socksVersion   = 5
	socksNoAuth    = 0
	socksRefuseAll = 0xff
	socksConnect   = 1
	socksIPv4      = 1
	socksName      = 3
	socksIPv6      = 4
	socksWell      = 0
	socksFailed    = 1
	socksNoCommand = 7
)

// socks serves one client of the proxy.
func (t *tunnel) socks(ctx context.Context, c net.Conn) error {
	answer := func(code byte) error {
		_, err := c.Write([]byte{socksVersion, code, 0, socksIPv4, 0, 0, 0, 0, 0, 0})
		return err
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(c, head); err != nil || head[0] != socksVersion {
		return errors.New("a client does not speak SOCKS version 5")
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(c, methods); err != nil {
		return err
	}
	method := byte(socksRefuseAll)
	for _, m := range methods {
		if m == socksNoAuth {
			method = m
		}
	}
	if _, err := c.Write([]byte{socksVersion, method}); err != nil || method == socksRefuseAll {
		return err
	}
	command, address, err := readSocks(c)
	switch {
	case err != nil:
		return err
	case command != socksConnect:
		return answer(socksNoCommand)
	}
	out, err := t.dial(ctx, address)
	if err != nil {
		return errors.Join(answer(socksFailed), err)
	}
	defer out.Close()
	if err := answer(socksWell); err != nil {
		return err
	}
	join(ctx, c, c, out)
	return nil
}

// readSocks reads what a client wants, and of which address.
func readSocks(r io.Reader) (command byte, address string, err error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, "", err
	}
	size := map[byte]int{socksIPv4: 4, socksIPv6: 16}[head[3]]
	if head[3] == socksName {
		n := make([]byte, 1)
		if _, err := io.ReadFull(r, n); err != nil {
			return 0, "", err
		}
		size = int(n[0])
	}
	if size == 0 {
		return 0, "", errors.New("a client of the proxy names an address of a kind that is not known")
	}
	rest := make([]byte, size+2)
	if _, err := io.ReadFull(r, rest); err != nil {
		return 0, "", err
	}
	host := string(rest[:size])
	if head[3] != socksName {
		host = net.IP(rest[:size]).String()
	}
	return head[1], net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(rest[size:])))), nil
}
