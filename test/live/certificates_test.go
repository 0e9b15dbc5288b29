package live

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/acm/acmtest"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestCertificates is a server that gets certificates from a real ACME server, which signs for so short that they are renewed
// while the test looks.
func TestCertificates(t *testing.T) {
	const life = 2 * time.Minute // renewed after 80 s
	ports := freePorts(t, 2)
	plain, _ := strconv.Atoi(ports[0])
	secure, _ := strconv.Atoi(ports[1])
	authority := acmtest.Start(t, plain, secure, life)
	dir := t.TempDir()
	trust := filepath.Join(dir, "acme.pem")
	if err := os.WriteFile(trust, authority.Trust(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // control reads it, and is not root
		t.Fatal(err)
	}
	// What a dyno can not answer in time, since all others start beside it, is to wait: the limit that refuses it (H11) is its app's.
	s := Start(t, "CLOISTER_DYNO_REQUESTS=0", "CLOISTER_HTTP=:"+ports[0], "CLOISTER_HTTPS=:"+ports[1], "CLOISTER_ACME_DIRECTORY="+authority.Directory, "CLOISTER_ACME_EMAIL=ops@example.com",
		"CLOISTER_ACME_ROOTS="+trust)
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.Cloister(t, "spaces:create", "cellar", "--team", w.Team)
	w.Cloister(t, "spaces:wait", "cellar")
	w.Cloister(t, "create", "shop", "--space", "cellar", "--no-remote")
	w.push(t, "shop", "first")
	w.Cloister(t, "ps:type", "web=private-l", "--app", "shop") // it has more to do than what runs beside it
	w.Cloister(t, "ps:wait", "--app", "shop")

	// Nobody but an office may come, and yet the authority sees what it has to.
	w.trusts(t, "cellar", "192.0.2.0/24")
	w.addDomain(t, "www.example.com")
	w.addDomain(t, "a.example.com")
	if _, err := w.api.EnableACM(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	w.certified(t, "www.example.com", "cert issued")
	w.certified(t, "a.example.com", "cert issued")
	w.trusts(t, "cellar", "127.0.0.0/8")
	names := []string{"www.example.com", "a.example.com"}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, TLSClientConfig: &tls.Config{RootCAs: authority.Roots}, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.HTTPS)
	}}}
	defer client.CloseIdleConnections()
	first := map[string]string{}
	for _, name := range names {
		first[name] = w.serial(t, authority, name)
		res, err := client.Get("https://" + name + "/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", name, res.Status)
		}
	}

	// Certificates and ranges change, and many apps release, while 300 requests a second run: none is lost.
	fleet := w.newFleet(t, "cellar", "shop", fleetSize(t))
	for _, name := range names {
		first[name] = w.serial(t, authority, name)
	}
	loads := []*Load{StartLoad(client, 200, "https://www.example.com/"), StartLoad(Client(s.HTTP), 100, fleet.urls()...)}
	w.trusts(t, "cellar", "127.0.0.0/8", "198.51.100.0/24")
	w.Cloister(t, "config:set", "CHANGED=1", "--app", "shop")
	fleet.release(t)
	w.trusts(t, "cellar", "127.0.0.0/8")
	for _, name := range names {
		w.within(t, 2*life, "the certificate of "+name+" is another one", func() bool { return w.serial(t, authority, name) != first[name] })
	}
	w.Cloister(t, "ps:wait", "--app", "shop")
	for i, load := range loads {
		sent, failed := load.Stop()
		if len(failed) > 0 {
			t.Errorf("%d of %d requests were lost, from %v to %v; the log says\n%s", len(failed), sent, failed[0], failed[len(failed)-1], w.log(t, "shop"))
		}
		t.Logf("%d requests to %s while certificates were renewed, ranges changed twice and %d apps released, %d lost", sent, []string{"one app by TLS", "all that released"}[i], len(fleet.apps), len(failed))
	}

	// An authority in trouble takes no other name along, and is asked again.
	authority.Fail(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusInternalServerError) })
	w.addDomain(t, "late.example.com")
	if d := w.certified(t, "late.example.com", "failing"); d.ACMStatusReason == nil || *d.ACMStatusReason != "The certificate authority does not answer as it should. It is asked again." {
		t.Errorf("why: %v", d.ACMStatusReason)
	}
	w.serial(t, authority, "www.example.com")
	authority.Fail(nil)
	if err := w.api.Do(t.Context(), http.MethodPatch, "/apps/shop/acm", map[string]bool{"acm_refresh": true}, nil); err != nil {
		t.Fatal(err)
	}
	w.certified(t, "late.example.com", "cert issued")
	w.within(t, time.Minute, "late.example.com is served with it", func() bool {
		c, err := tls.Dial("tcp", w.HTTPS, &tls.Config{ServerName: "late.example.com", RootCAs: authority.Roots})
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// trusts has a space trust these ranges alone.
func (w *world) trusts(t *testing.T, space string, ranges ...string) {
	t.Helper()
	rules := []map[string]string{}
	for _, r := range ranges {
		rules = append(rules, map[string]string{"action": "allow", "source": r})
	}
	if err := w.api.Do(t.Context(), http.MethodPut, "/spaces/"+space+"/inbound-ruleset", map[string]any{"rules": rules}, nil); err != nil {
		t.Fatal(err)
	}
}

func (w *world) addDomain(t *testing.T, name string) {
	t.Helper()
	if _, err := w.api.AddDomain(t.Context(), "shop", heroku.DomainCreateOpts{Hostname: name}); err != nil {
		t.Fatal(err)
	}
}

// certified waits until the certificate of a domain is in a state.
func (w *world) certified(t *testing.T, name, state string) (d heroku.Domain) {
	t.Helper()
	w.within(t, time.Minute, name+" is "+state, func() bool {
		var err error
		if d, err = w.api.Domain(t.Context(), "shop", name); err != nil {
			t.Fatal(err)
		}
		return d.ACMStatus != nil && *d.ACMStatus == state
	})
	return d
}

// serial is that of the certificate that a name is served with, which the authority has signed.
func (w *world) serial(t *testing.T, authority *acmtest.Authority, name string) string {
	t.Helper()
	c, err := tls.Dial("tcp", w.HTTPS, &tls.Config{ServerName: name, RootCAs: authority.Roots})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer c.Close()
	return fmt.Sprint(c.ConnectionState().PeerCertificates[0].SerialNumber)
}

func (w *world) within(t *testing.T, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("did not happen within %s: %s", patience, what)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
