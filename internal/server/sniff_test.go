package server

import (
	"bufio"
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
	plain, secure, rendezvous, shell := sniff(l, &tls.Config{GetCertificate: cert.get})
	s := &http.Server{ConnContext: withTLS, Handler: overTLS(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%v %s", r.TLS != nil, body)
	}))}
	for _, part := range []net.Listener{rendezvous, shell} {
		go func() { // says again what it was told
			for {
				c, err := part.Accept()
				if err != nil {
					return
				}
				line, _ := bufio.NewReader(c).ReadString('\n')
				io.WriteString(c, "met "+line)
				c.Close()
			}
		}()
	}
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

func TestRendezvousIsOnTheSamePort(t *testing.T) {
	addr, client, _ := onePort(t)
	roots := client.Transport.(*http.Transport).TLSClientConfig.RootCAs
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "0a1b2c\r\n")
	if got, err := io.ReadAll(c); string(got) != "met 0a1b2c\r\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSSHIsOnTheSamePort(t *testing.T) {
	addr, client, _ := onePort(t)
	for sent, want := range map[string]string{"SSH-2.0-x\r\n": "met SSH-2.0-x\r\n", "SEARCH / HTTP/1.0\r\n\r\n": "HTTP/1.0 200 OK"} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, b := range []byte(sent) { // in as many packets
			c.Write([]byte{b})
		}
		if got, err := io.ReadAll(c); !strings.HasPrefix(string(got), want) || err != nil {
			t.Errorf("%q: got %q, %v", sent, got, err)
		}
	}
	client.CloseIdleConnections()
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

func TestClosedListenerEndsAllServers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain, secure, rendezvous, shell := sniff(l, &tls.Config{})
	ended := make(chan error, 4)
	for _, part := range []net.Listener{plain, secure, rendezvous, shell} {
		go func() {
			_, err := part.Accept()
			ended <- err
		}()
	}
	if err := plain.Close(); err != nil {
		t.Error(err)
	}
	for range 4 {
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
