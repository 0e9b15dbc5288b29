package router

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

// port is that of one of the router's addresses, when it listens on all of the machine's.
func (w *world) port(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

// TestAnAddressOfASpaceLeadsToItsAppsAlone has two spaces with an address each and one without, on an IPv6 socket.
func TestAnAddressOfASpaceLeadsToItsAppsAlone(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, patient, ":0")
	says := func(text string) netip.AddrPort {
		return backend(t, func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, text) })
	}
	w.secure(func(r *cloister.Routes) {
		one, sibling, two, free, inner := route("one", says("one")), route("sibling", says("sibling")), route("two", says("two")), route("free", says("free")), route("inner", says("inner"))
		one.Ingress = []netip.Addr{netip.MustParseAddr("127.0.0.51")}
		sibling.Ingress, sibling.SpaceID = one.Ingress, one.SpaceID
		inner.Ingress, inner.SpaceID, inner.Internal = one.Ingress, one.SpaceID, true
		two.Ingress = []netip.Addr{netip.MustParseAddr("127.0.0.52"), netip.MustParseAddr("127.0.0.53")}
		r.Apps = []cloister.Route{one, sibling, two, free, inner}
	})
	const nobody, silence = "404", ""
	for _, c := range []struct{ address, host, want string }{
		{"127.0.0.51", "one.test", "one"}, {"127.0.0.51", "sibling.test", "sibling"}, {"127.0.0.51", "two.test", nobody},
		{"127.0.0.51", "free.test", nobody}, {"127.0.0.51", "inner.test", silence}, {"127.0.0.51", "nobody.test", nobody},
		{"127.0.0.52", "one.test", nobody}, {"127.0.0.52", "two.test", "two"}, {"127.0.0.53", "two.test", "two"}, {"127.0.0.52", "inner.test", nobody},
		{"127.0.0.1", "one.test", nobody}, {"127.0.0.1", "two.test", nobody}, {"127.0.0.1", "free.test", "free"}, {"127.0.0.1", "inner.test", nobody},
	} {
		request := "GET / HTTP/1.1\r\nHost: " + c.host + "\r\nConnection: close\r\n\r\n"
		plain := w.dialAt(friend, net.JoinHostPort(c.address, w.port(w.router.HTTPAddr()))).say(request).rest()
		if !answers(plain, c.want) {
			t.Errorf("%s at %s: got %.40q, want %q", c.host, c.address, plain, c.want)
		}
		for _, protocol := range []string{"http/1.1", "h2"} {
			got := w.getTLS(net.JoinHostPort(c.address, w.port(w.router.HTTPSAddr())), c.host, protocol)
			if !answers(got, c.want) {
				t.Errorf("%s at %s by %s: got %.40q, want %q", c.host, c.address, protocol, got, c.want)
			}
		}
	}
	// A connection whose server name is of another space is not told that there is such an app.
	if got := w.getTLS(net.JoinHostPort("127.0.0.51", w.port(w.router.HTTPSAddr())), "one.test", "http/1.1", "two.test"); !answers(got, "one") {
		t.Errorf("with a name of another space: got %.40q", got)
	}
}

func answers(got, want string) bool {
	switch want {
	case "":
		return got == ""
	case "404":
		return strings.HasPrefix(got, "HTTP/1.1 404 ")
	}
	return bodyOf(got) == want
}

func TestAppThatMovesToAnAddressOfItsSpaceLeavesTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, patient, ":0")
	w.app(backend(t, func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "here") }))
	c := w.dialAt(friend, net.JoinHostPort("127.0.0.1", w.port(w.router.HTTPAddr())))
	if _, body := c.say("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n").response("GET"); body != "here" {
		t.Fatalf("got %q", body)
	}
	w.publish(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{r.Apps[0]}
		r.Apps[0].Ingress = []netip.Addr{netip.MustParseAddr("127.0.0.51")}
	})
	if got := c.rest(); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestIPv4ClientsOfAnIPv6SocketAreIPv4 is about rules of both families, with a socket that speaks both.
func TestIPv4ClientsOfAnIPv6SocketAreIPv4(t *testing.T) {
	t.Parallel()
	if c, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	} else {
		c.Close()
	}
	w := newWorldAt(t, patient, "[::]:0")
	w.secure(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", backend(t, func(rw http.ResponseWriter, r *http.Request) {
			io.WriteString(rw, r.Header.Get("X-Forwarded-For"))
		}))}
	})
	for _, c := range []struct {
		ranges   string
		from, to string
		in       bool
	}{
		{"127.0.0.2/32", friend, "127.0.0.1", true}, {"127.0.0.2/32", stranger, "127.0.0.1", false}, {"127.0.0.2/32", "::1", "::1", false},
		{"::1/128", "::1", "::1", true}, {"::1/128", friend, "127.0.0.1", false}, {"::/0", "::1", "::1", true}, {"::/0", friend, "127.0.0.1", false},
		{"::/64", "::1", "::1", true}, {"::2/128", "::1", "::1", false}, {"0.0.0.0/0", "::1", "::1", true}, {"::ffff:127.0.0.2/128", friend, "127.0.0.1", false},
	} {
		w.trust(c.ranges)
		want := ""
		if c.in {
			want = c.from
		}
		got := w.dialAt(c.from, net.JoinHostPort(c.to, w.port(w.router.HTTPAddr()))).say(simple + "\r\n").rest()
		if bodyOf(got) != want {
			t.Errorf("%s to %s with %s: got %q", c.from, c.to, c.ranges, got)
		}
	}
}
