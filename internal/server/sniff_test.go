package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// onePort serves plain HTTP and TLS on one port: each answer is the scheme that the request came by, and its body.
func onePort(t *testing.T) (addr string, client *http.Client, ended <-chan error) {
	t.Helper()
	ca := open(t, t.TempDir(), time.Now(), "localhost")
	cert, err := newLeaf(ca, []string{"localhost", "127.0.0.1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain, secure := sniff(l, &tls.Config{GetCertificate: cert.get})
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%v %s", r.TLS != nil, body)
	})}
	done := make(chan error, 2)
	go func() { done <- s.Serve(plain) }()
	go func() { done <- s.Serve(secure) }()
	t.Cleanup(func() { s.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return l.Addr().String(), &http.Client{Transport: transport, Timeout: 20 * time.Second}, done
}

func post(c *http.Client, url, body string) (string, error) {
	res, err := c.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return string(answer), err
}

func TestPlainAndTLSOnOnePort(t *testing.T) {
	addr, client, _ := onePort(t)
	long := strings.Repeat("x", 100_000) // far more than is peeked at
	for range 3 {
		for scheme, want := range map[string]string{"http": "false " + long, "https": "true " + long} {
			got, err := post(client, scheme+"://"+addr+"/", long)
			if err != nil || got != want {
				t.Errorf("%s: %d bytes beginning with %q, %v", scheme, len(got), got[:min(10, len(got))], err)
			}
		}
		client.CloseIdleConnections()
	}
}

func TestSilentClientBlocksNobody(t *testing.T) {
	addr, client, _ := onePort(t)
	for range 50 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	for _, scheme := range []string{"http", "https"} {
		if _, err := post(client, scheme+"://"+addr+"/", "hello"); err != nil {
			t.Errorf("%s beside silent clients: %v", scheme, err)
		}
	}
}

func TestClosedListenerEndsBothServers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain, secure := sniff(l, &tls.Config{})
	ended := make(chan error, 2)
	for _, part := range []net.Listener{plain, secure} {
		go func() {
			_, err := part.Accept()
			ended <- err
		}()
	}
	if err := plain.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		select {
		case err := <-ended:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a server waits for ever")
		}
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the port is still open")
	}
	if plain.Addr() != l.Addr() || secure.Addr() != l.Addr() {
		t.Error("the parts have another address than the whole")
	}
}

func TestNonsenseIsPlainHTTPsToRefuse(t *testing.T) {
	addr, client, ended := onePort(t)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "\x00\x01\r\n\r\n")
	answer, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("nonsense is answered with %q, %v", answer, err)
	}
	if _, err := post(client, "http://"+addr, ""); err != nil {
		t.Error(err)
	}
	select {
	case err := <-ended:
		t.Errorf("a server ended: %v", err)
	default:
	}
}
