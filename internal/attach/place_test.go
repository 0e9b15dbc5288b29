package attach_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/attach"
	"github.com/cloister-dev/cloister/internal/engine"
)

const patience = 10 * time.Second

// A session is a command in Go.
type session struct {
	tty bool
	run func(ctx context.Context, t engine.Terminal) error
}

func (s session) HasTTY() bool                                            { return s.tty }
func (s session) Run(ctx context.Context, t engine.Terminal) (int, error) { return 7, s.run(ctx, t) }

// cat copies its input to its output.
func cat(ctx context.Context, t engine.Terminal) error {
	t.Began()
	ended := make(chan error, 1)
	go func() { _, err := io.Copy(t.Out, t.In); ended <- err }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

// A place serves one session, for the secret "secret", once.
type place struct {
	addr  string
	roots *x509.CertPool
}

// secure accepts what attach.Serve wants.
type secure struct {
	net.Listener
	config *tls.Config
}

func (s secure) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(c, s.config), nil
}

func serve(t *testing.T, idle time.Duration, s session) place {
	t.Helper()
	return serveAs(t, attach.Config{Idle: idle}, s)
}

func serveAs(t *testing.T, config attach.Config, s session) place {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	cert, err := x509.ParseCertificate(der)
	check(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	offered := make(chan session, 1)
	offered <- s
	config.Claim = func(secret cloister.Secret) (attach.Session, bool) {
		if secret != "secret" {
			return nil, false
		}
		select {
		case s := <-offered:
			return s, true
		default:
			return nil, false
		}
	}
	a := attach.New(config, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	secured := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, DynamicRecordSizingDisabled: true}
	go func() { ended <- a.Serve(ctx, secure{l, secured}) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("it serves for ever")
		}
	})
	return place{l.Addr().String(), roots}
}

// dial connects without a name, as Heroku's CLI does, and shows a secret.
func (p place) dial(t *testing.T, secret string) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", p.addr, &tls.Config{RootCAs: p.roots})
	check(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(3 * patience))
	io.WriteString(c, secret+"\r\n") // may be refused before its end
	return c
}

// record reads one record of TLS: what Heroku's CLI sees as one piece.
func record(t *testing.T, c *tls.Conn) string {
	t.Helper()
	buf := make([]byte, 16<<10)
	n, err := c.Read(buf)
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
