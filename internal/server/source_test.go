package server

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
)

func TestOnlyPublicAddressesAreDialed(t *testing.T) {
	refused := []string{
		"127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "0.0.0.0", "100.64.0.1", "100.127.0.1",
		"169.254.1.1", "169.254.169.254", "168.63.129.16", "100.100.100.200", "198.18.0.1", "198.19.255.255", "192.0.0.192",
		"224.0.0.1", "255.255.255.255", "240.0.0.1",
		"[::1]", "[::]", "[fe80::1]", "[fe80::1%eth0]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]",
		"[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", // mapped
		"[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a00:1]", // embedded, NAT64
		"[2002:7f00:1::1]", "[2001::1]", // 6to4, Teredo
	}
	for _, a := range refused {
		if err := publicOnly("tcp", a+":80", nil); err == nil {
			t.Errorf("%s is dialed", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "172.15.0.1", "172.32.0.1", "11.0.0.1", "100.63.0.1", "100.128.0.1", "198.20.0.1", "[2606:4700::1111]", "[2a00::1]", "[::ffff:1.1.1.1]"} {
		if err := publicOnly("tcp", a+":443", nil); err != nil {
			t.Errorf("%s is refused: %v", a, err)
		}
	}
	for _, a := range []string{"", "example.com:80", "1.1.1.1"} {
		if err := publicOnly("tcp", a, nil); err == nil {
			t.Errorf("%q is dialed", a)
		}
	}
}

func TestOwnAddressesAreNotDialed(t *testing.T) {
	own, err := net.InterfaceAddrs()
	if err != nil || len(own) == 0 {
		t.Fatal(own, err)
	}
	for _, a := range own {
		ip := a.(*net.IPNet).IP
		if err := publicOnly("tcp", net.JoinHostPort(ip.String(), "80"), nil); err == nil {
			t.Errorf("%s, which is this machine, is dialed", ip)
		}
	}
}

func newUploads(t *testing.T) uploads {
	t.Helper()
	kept, err := build.OpenSources(filepath.Join(t.TempDir(), "sources"), 1<<20, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return uploads{kept}
}

func read(t *testing.T, r io.ReadCloser) string {
	t.Helper()
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPushedSourceIsNotFlattenedAndUploadedOneIs(t *testing.T) {
	own := newUploads(t)
	openSource := opener(own, publicOnly)
	pushed, err := own.keep(strings.NewReader("pushed"))
	if err != nil {
		t.Fatal(err)
	}
	f, flatten, err := openSource(t.Context(), pushed)
	if err != nil || flatten {
		t.Fatalf("a pushed source: flatten %v, %v", flatten, err)
	}
	if got := read(t, f); got != "pushed" {
		t.Errorf("the pushed source is %q", got)
	}

	put, get, err := own.New()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(own)
	defer s.Close()
	req, err := http.NewRequest(http.MethodPut, s.URL+put, strings.NewReader("uploaded"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	// The secret is what counts: the server has many names, and no connection is made for it.
	for _, host := range []string{"http://127.0.0.1:5100", "https://cloister.example", "http://other.invalid", ""} {
		f, flatten, err := openSource(t.Context(), host+get)
		if err != nil || !flatten {
			t.Errorf("uploaded to %q: flatten %v, %v", host, flatten, err)
			continue
		}
		if got := read(t, f); got != "uploaded" {
			t.Errorf("uploaded to %q: %q", host, got)
		}
	}
}

func TestUnknownSecretIsFetchedAsAnyAddress(t *testing.T) {
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "far "+r.URL.Path) }))
	defer far.Close()
	f, flatten, err := opener(newUploads(t), anyAddress)(t.Context(), far.URL+"/sources/unknown")
	if err != nil || !flatten {
		t.Fatalf("flatten %v, %v", flatten, err)
	}
	if got := read(t, f); got != "far /sources/unknown" {
		t.Errorf("fetched %q", got)
	}
}

func anyAddress(string, string, syscall.RawConn) error { return nil }

func TestSourceAtAPrivateAddressIsRefusedAlsoAfterARedirect(t *testing.T) {
	asked := false
	secret := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer secret.Close()
	if _, _, err := opener(newUploads(t), publicOnly)(t.Context(), secret.URL); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("a source at %s: %v", secret.URL, err)
	}
	front := httptest.NewServer(http.RedirectHandler(secret.URL, http.StatusFound))
	defer front.Close()
	// As if the first hop were on a public address.
	public := netip.MustParseAddrPort(strings.TrimPrefix(front.URL, "http://")).String()
	allowed := func(network, address string, c syscall.RawConn) error {
		if address == public {
			return nil
		}
		return publicOnly(network, address, c)
	}
	_, _, err := opener(newUploads(t), allowed)(t.Context(), front.URL)
	if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(cloister.MessageOf(err), "is not a public address") {
		t.Errorf("a redirect to a private address: %v", err)
	}
	if asked {
		t.Error("the private server was asked")
	}
}

func TestBadSourcesAreTheUsersMistake(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	get := opener(newUploads(t), anyAddress)
	for address, want := range map[string]string{
		"":                              "not an http or https address",
		"file:///etc/passwd":            "not an http or https address",
		"git:/sources/unknown":          "not an http or https address",
		"https:///path":                 "not an http or https address",
		"http://[::1":                   "not an http or https address",
		gone.URL + "/a":                 "404 Not Found",
		"http://user:hush@127.0.0.1:1/": "could not be fetched",
	} {
		_, _, err := get(t.Context(), address)
		if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(cloister.MessageOf(err), want) {
			t.Errorf("%q: %v; want %q", address, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("the password is told: %v", err)
		}
	}
}
