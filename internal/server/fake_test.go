package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// TestWholeServerOnTheFakeEngine runs everything but the real engine, as any user, in this process.
func TestWholeServerOnTheFakeEngine(t *testing.T) {
	c := Default()
	dir := t.TempDir()
	c.Engine, c.State, c.Run = "fake", dir, dir+"/run"
	for _, addr := range []*string{&c.Listen, &c.HTTP, &c.HTTPS} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*addr = l.Addr().String()
		defer l.Close()
		l.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runFake(ctx, c, slog.New(slog.DiscardHandler)) }()
	defer func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("it does not end")
		}
	}()
	if err := waitReady(t.Context(), c, 20*time.Second); err != nil {
		t.Fatal(err)
	}

	var l login
	if err := ask(t.Context(), c, "POST", "/login", nil, &l); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(c.caFile())
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		t.Fatal("no authority", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	for _, base := range []string{"http://" + c.Listen, "https://" + c.Listen} {
		req, err := http.NewRequest(http.MethodGet, base+"/account", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+l.Token)
		req.Header.Set("Accept", "application/vnd.heroku+json; version=3")
		res, err := client.Do(req)
		if err != nil {
			t.Error(err)
			continue
		}
		var account struct{ Email string }
		err = json.NewDecoder(res.Body).Decode(&account)
		res.Body.Close()
		if err != nil || account.Email != c.AdminEmail {
			t.Errorf("%s: %d %+v %v", base, res.StatusCode, account, err)
		}
	}

	// The router has our wildcard certificate, so an app's address works by TLS from the first minute.
	deadline := time.Now().Add(20 * time.Second)
	for {
		conn, err := tls.Dial("tcp", c.HTTPS, &tls.Config{RootCAs: roots, ServerName: "hello-0123456789ab." + c.AppDomain})
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the router has no certificate: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	res, err := client.Get("http://" + c.HTTP + "/")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("an app that is not there answers %d", res.StatusCode)
	}
}
