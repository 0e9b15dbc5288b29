package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// forwarding starts a forwarder to server and gives its address and what it warned of.
func forwarding(t *testing.T, server string, roots *x509.CertPool) (addr string, warned func() string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said strings.Builder
	f := &forwarder{server: u, roots: roots, warn: func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		said.WriteString(format)
	}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), func() string { mu.Lock(); defer mu.Unlock(); return said.String() }
}

func TestForwarderPutsClearRequestsUnderTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	addr, _ := forwarding(t, server.URL, roots)

	body := strings.Repeat("x", 1<<20)
	res, err := http.Post("http://"+addr, "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != body {
		t.Errorf("got %d bytes, %v", len(got), err)
	}

	// What is TLS already goes through as it is: the server's own certificate is seen.
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !conn.ConnectionState().PeerCertificates[0].Equal(server.Certificate()) {
		t.Error("another certificate was seen")
	}
}

func TestForwarderSendsNothingToAServerItDoesNotTrust(t *testing.T) {
	t.Parallel()
	asked := false
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = true }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	addr, warned := forwarding(t, server.URL, x509.NewCertPool())
	if res, err := http.Get("http://" + addr); err == nil {
		res.Body.Close()
		t.Errorf("got %s", res.Status)
	}
	server.Close()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(warned(), "Couldn't forward"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) { // the client is let go first
			t.Fatalf("warned: %q", warned())
		}
	}
	if asked {
		t.Error("the server was asked")
	}
}
