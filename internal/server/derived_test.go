package server

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCertificateIsForAllNamesOfTheAPI(t *testing.T) {
	c := Config{Listen: "192.0.2.1:5100", Hostnames: []string{"cloister.example", "192.0.2.7", "127.0.0.1", "::1", "2001:db8::1"}}
	if d := cmp.Diff([]string{"localhost", "cloister.example"}, c.names()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"127.0.0.1", "::1", "192.0.2.1", "192.0.2.7", "2001:db8::1"}, addressNames(c.addresses())); d != "" {
		t.Error(d)
	}
	c = Config{Listen: ":5100"}
	if d := cmp.Diff([]string{"127.0.0.1", "::1"}, addressNames(c.addresses())); d != "" {
		t.Error(d)
	}
}

func TestBuildsGetOnlyTheVariablesThatAreNamed(t *testing.T) {
	c := Config{BuildEnv: []string{"GOPROXY", "EMPTY", "MISSING"}}
	got := c.buildEnv([]string{"GOPROXY=https://proxy.example/?a=b", "EMPTY=", "SECRET=x", "GOPROXY2=y"})
	if d := cmp.Diff(map[string]string{"GOPROXY": "https://proxy.example/?a=b"}, got); d != "" {
		t.Error(d)
	}
}

func TestAddressesForPeopleAndPrograms(t *testing.T) {
	for addr, want := range map[string]string{":80": "http://a.example/", "0.0.0.0:8080": "http://a.example:8080/"} {
		if got := webAddress(Config{HTTP: addr})("a.example"); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	for addr, want := range map[string]string{":5100": "127.0.0.1:5100", "0.0.0.0:1": "127.0.0.1:1", "[::]:1": "127.0.0.1:1", "192.0.2.1:1": "192.0.2.1:1", "cloister.example:1": "cloister.example:1"} {
		if got := loopback(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

func TestBuildsTrustTheOperatorsBundleFirst(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own.pem")
	if err := os.WriteFile(own, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := (Config{CABundle: own}).caBundle(); got != own {
		t.Errorf("bundle %q instead of %q", got, own)
	}
	if got := (Config{CABundle: own + ".not"}).caBundle(); got == own+".not" {
		t.Error("a bundle that is not there is given to builds")
	}
}

func TestBalancersAndDatabase(t *testing.T) {
	c := Config{Balancers: []string{"10.0.0.0/8", "2001:db8::/32"}, State: "/s"}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	if d := cmp.Diff(want, c.balancers(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Error(d)
	}
	if got := c.database(); got != "/s/control/cloister.db" {
		t.Errorf("database %q", got)
	}
	c.Database = "postgres://db.example/cloister"
	if got := c.database(); got != c.Database {
		t.Errorf("database %q", got)
	}
}
