package server

import (
	"io"
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
	"github.com/cloister-dev/cloister/internal/outside"
)

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
	openSource := opener(own, outside.Public)
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
	if _, _, err := opener(newUploads(t), outside.Public)(t.Context(), secret.URL); cloister.KindOf(err) != cloister.Invalid {
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
		return outside.Public(network, address, c)
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
