package live

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"
)

// Client is an HTTP client whose connections all go to one address, whatever the host of the URL is.
func Client(address string) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
		}}}
}

// fresh has a client connect anew for each request, and take a certificate for what it is.
func fresh(c *http.Client) *http.Client {
	t := c.Transport.(*http.Transport)
	t.DisableKeepAlives, t.TLSClientConfig = true, &tls.Config{InsecureSkipVerify: true} // the names are the test's own
	return c
}

// An Outside is a machine on another network: a network namespace behind a wire, with an address of its own. What the
// server sends to it shows which source address the world sees.
type Outside struct {
	Addr string // of the outside
	Host string // of this machine, as seen from there
	name string
}

// NewOutside makes a machine that knows the way back to the given ranges. It is gone when the test ends.
func NewOutside(t testing.TB, back ...string) *Outside {
	t.Helper()
	o := &Outside{Addr: "198.51.101.2", Host: "198.51.101.1", name: fmt.Sprintf("outside-%d", time.Now().UnixNano()%1e6)}
	wire := o.name[:3] + o.name[8:]
	t.Cleanup(func() {
		exec.Command("ip", "link", "del", wire).Run()
		exec.Command("ip", "netns", "del", o.name).Run()
	})
	ip(t, "netns", "add", o.name)
	ip(t, "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", o.name)
	ip(t, "addr", "add", o.Host+"/24", "dev", wire)
	ip(t, "link", "set", wire, "up")
	ip(t, "-n", o.name, "addr", "add", o.Addr+"/24", "dev", "eth0")
	ip(t, "-n", o.name, "link", "set", "eth0", "up")
	ip(t, "-n", o.name, "link", "set", "lo", "up")
	for _, r := range back {
		ip(t, "-n", o.name, "route", "add", r, "via", o.Host)
	}
	return o
}

func ip(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// inside runs fn on a thread that is in the outside's namespace. Sockets that it makes stay there.
func (o *Outside) inside(fn func() error) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := netns.GetFromName(o.name)
		if err == nil {
			defer ns.Close()
			err = netns.Set(ns)
		}
		if err == nil {
			err = fn()
		}
		failed <- err
	}()
	return <-failed
}

// Echo serves HTTP on the outside: every answer is the address that the request came from.
func (o *Outside) Echo(t testing.TB) (url string) {
	t.Helper()
	var l net.Listener
	if err := o.inside(func() (err error) {
		l, err = net.Listen("tcp", o.Addr+":0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprint(w, host)
	})}
	t.Cleanup(func() { s.Close() })
	go s.Serve(l)
	return "http://" + l.Addr().String() + "/"
}

// Dial connects from the outside.
func (o *Outside) Dial(address string) (c net.Conn, err error) {
	err = o.inside(func() (err error) {
		c, err = net.DialTimeout("tcp", address, 5*time.Second)
		return err
	})
	return c, err
}
