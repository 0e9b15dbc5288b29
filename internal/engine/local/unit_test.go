package local

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

var update = flag.Bool("update", false, "write the golden files")

func TestFirewallText(t *testing.T) {
	a := netip.MustParseAddr
	base := spaceRules{Dynos: netip.MustParsePrefix("10.0.0.0/16"), Data: netip.MustParsePrefix("172.23.0.0/20"), Resolver: a("10.0.0.2"),
		Gateway: a("100.64.0.1"), Private: private, Open: true, Own: []netip.Addr{a("100.64.0.9")}}
	full := base
	full.Own = []netip.Addr{a("198.51.100.1"), a("198.51.100.2")}
	full.Workloads = []workloadRule{
		{Link: "w0123456789ab", Address: a("10.0.128.1"), Outbound: a("198.51.100.1"), Transit: a("100.64.0.2"), Port: 5000},
		{Link: "wba9876543210", Address: a("10.0.144.1"), Outbound: a("198.51.100.2")},
	}
	guarded := full
	guarded.Open, guarded.Mail, guarded.Internal = false, true, a("10.0.0.3")
	guarded.Ingress = prefixes("203.0.113.0/24")
	for _, p := range []engine.Pass{
		{Target: netip.MustParsePrefix("192.0.2.0/24"), Protocol: engine.TCP, From: 443, To: 443},
		{Target: netip.MustParsePrefix("192.0.2.0/24"), Protocol: engine.UDP, From: 5000, To: 6000},
		{Target: netip.MustParsePrefix("192.0.2.7/32"), To: 65535},
		{Target: netip.MustParsePrefix("192.0.2.8/32"), From: 1, To: 100},
		{Target: netip.MustParsePrefix("0.0.0.0/0"), Protocol: engine.ICMP, From: 8, To: 8},
		{Target: netip.MustParsePrefix("198.18.0.0/15"), Protocol: engine.TCP, To: 65535},
	} {
		guarded.Egress = append(guarded.Egress, passRule(p))
	}
	guarded.Joined = []joinedRule{{"p0123456789ab", netip.MustParsePrefix("10.1.0.0/16")}, {"pba9876543210", netip.MustParsePrefix("192.168.50.0/24")}}
	builds := base
	builds.Builds, builds.Data = true, netip.Prefix{}
	machine := hostRules{Name: "cloister", Links: "cl1a2b-", Transit: netip.MustParsePrefix("100.64.0.0/10"), RouterUID: 990, Private: private, Flows: 136, Burst: 8192}
	busy := machine
	busy.Sources = []sourceRule{{"cl1a2b-01234567", a("100.64.0.2")}, {"cl1a2b-01234567", a("198.51.100.1")}}
	busy.Masked = []netip.Addr{a("100.64.0.2")}
	busy.Known, busy.Mail = []netip.Addr{a("198.51.100.1")}, []netip.Addr{a("198.51.100.1")}
	busy.Networks, busy.HTTP, busy.HTTPS = true, 8080, 8443
	busy.Ingress = prefixes("203.0.113.0/24 2001:db8:1::/64")
	busy.Trusted4 = knocks(a("203.0.113.1"), prefixes("192.0.2.0/24 192.0.2.7/32 2001:db8:2::/48"))
	busy.Trusted6 = knocks(a("2001:db8:1::1"), prefixes("192.0.2.0/24 2001:db8:2::/48"))
	busy.Trusted4 = append(busy.Trusted4, knocks(a("203.0.113.2"), cloister.Everyone())...)
	busy.Trusted6 = append(busy.Trusted6, knocks(a("2001:db8:1::2"), cloister.Everyone())...)
	for name, text := range map[string]string{
		"space-empty": base.render(), "space-full": full.render(), "space-guarded": guarded.render(), "space-builds": builds.render(),
		"machine-empty": machine.render(), "machine-busy": busy.render(),
	} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", name+".nft.golden")
			if *update {
				if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if text != string(want) {
				t.Errorf("the text has changed; look at it with -update and git diff:\n%s", text)
			}
			if _, err := exec.LookPath("nft"); err != nil || os.Geteuid() != 0 {
				return // the tests run in a namespace of their own if they run as root
			}
			for range 2 {
				if err := nft(t.Context(), text); err != nil {
					t.Error(err)
				}
			}
			nft(t.Context(), "flush ruleset")
		})
	}
}

func TestSubnetsFollowTheZones(t *testing.T) {
	s := engine.Space{Dynos: netip.MustParsePrefix("10.7.0.0/16"), Data: netip.MustParsePrefix("172.23.0.0/20")}
	for zone, want := range []string{"10.7.128.0/20", "10.7.144.0/20", "10.7.160.0/20"} {
		if got := subnet(s, engine.Dynos, zone).String(); got != want {
			t.Errorf("zone %d has %s, want %s", zone, got, want)
		}
	}
	if got := subnet(s, engine.Data, 2); got != s.Data {
		t.Errorf("data services have %s", got)
	}
	if got := resolverOf(s).String(); got != "10.7.0.2" {
		t.Errorf("the resolver is at %s", got)
	}
}

func TestAddressesRestBeforeTheyAreUsedAgain(t *testing.T) {
	b, p, now := newAddressBook(), netip.MustParsePrefix("10.0.128.0/29"), time.Unix(1000, 0)
	take := func() string {
		a, err := b.take(p, netip.Addr{}, now)
		if err != nil {
			return string(cloister.KindOf(err))
		}
		return a.String()
	}
	for i := range 6 {
		if got, want := take(), fmt.Sprintf("10.0.128.%d", i+1); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if got := take(); got != string(cloister.Unavailable) {
		t.Fatalf("a full subnet gave %s", got)
	}
	b.release(netip.MustParseAddr("10.0.128.3"), now)
	b.release(netip.MustParseAddr("10.0.128.2"), now)
	now = now.Add(quarantine - 1)
	if got := take(); got != string(cloister.Unavailable) {
		t.Fatalf("a resting address was given out: %s", got)
	}
	now = now.Add(1)
	if got := take(); got != "10.0.128.2" {
		t.Fatalf("got %s, want the lowest", got)
	}
}

func TestOutboundAddressesAreStickyAndAllUsed(t *testing.T) {
	s := engine.Space{}
	for i := range 4 {
		s.Outbound = append(s.Outbound, netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}))
	}
	seen := map[netip.Addr]int{}
	for i := range 200 {
		w := netip.AddrFrom4([4]byte{10, 0, 128, byte(i)})
		first := outboundOf(s, netip.Addr{}, w)
		if again := outboundOf(s, netip.Addr{}, w); again != first {
			t.Fatalf("%s leaves as %s and as %s", w, first, again)
		}
		seen[first]++
	}
	for _, a := range s.Outbound {
		if seen[a] < 20 {
			t.Errorf("%s is used by %d of 200", a, seen[a])
		}
	}
}

func TestListeningSocketsAreTold(t *testing.T) {
	own := netip.MustParseAddr("10.0.128.1")
	header := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	for line, want := range map[string]bool{
		"   0: 00000000:1388 00000000:0000 0A 00000000:00000000":                                                 true,  // 0.0.0.0:5000
		"   0: 0180000A:1388 00000000:0000 0A 00000000:00000000":                                                 true,  // 10.0.128.1:5000
		"   0: 0100007F:1388 00000000:0000 0A 00000000:00000000":                                                 false, // 127.0.0.1:5000
		"   0: 00000000:1389 00000000:0000 0A 00000000:00000000":                                                 false, // another port
		"   0: 0180000A:1388 0A0A0A0A:0050 01 00000000:00000000":                                                 false, // a connection
		"   0: 00000000000000000000000000000000:1388 00000000000000000000000000000000:0000 0A 00000000:00000000": true,  // [::]:5000
		"   0: 0000000000000000FFFF00000180000A:1388 00000000000000000000000000000000:0000 0A 00000000:00000000": true,  // [::ffff:10.0.128.1]:5000
		"   0: 00000000000000000000000001000000:1388 00000000000000000000000000000000:0000 0A 00000000:00000000": false, // [::1]:5000
		"   0: nonsense": false,
	} {
		table := filepath.Join(t.TempDir(), "tcp")
		if err := os.WriteFile(table, []byte(header+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := listens(table, 5000, own); got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}

func TestASpoolForgetsTheOldestAndKeepsTheRest(t *testing.T) {
	s, err := openSpool(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const n = 60_000
	filler := strings.Repeat("x", 80)
	for i := range n {
		if err := s.add([]engine.Line{{Text: fmt.Sprint(i, " ", filler)}}, false, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	s.close()
	if pages := s.pages(); len(pages) != spoolKeep {
		t.Errorf("there are %d pages", len(pages))
	}
	first, last, at := -1, -1, time.Time{}
	for l, err := range s.read(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		var i int
		fmt.Sscan(l.Text, &i)
		if first < 0 {
			if first = i; l.Dropped != i {
				t.Errorf("of %d lines before %d are said to be dropped", i, l.Dropped)
			}
		} else if i != last+1 || !l.At.After(at) {
			t.Fatalf("after %d at %v comes %d at %v", last, at, i, l.At)
		}
		last, at = i, l.At
	}
	if last != n-1 || first == 0 || (n-first)*106 < 2*spoolPage {
		t.Errorf("it has %d to %d", first, last)
	}
}

// A reader that is overtaken is told how many lines it has missed, also after the machine's start.
func TestASpoolCountsWhatASlowReaderMisses(t *testing.T) {
	dir, written := t.TempDir(), 0
	s, err := openSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	write := func(n int) {
		for range n {
			if err := s.add([]engine.Line{{Text: strings.Repeat("x", 1000)}}, false, int64(written)); err != nil {
				t.Fatal(err)
			}
			written++
		}
	}
	for range 2 {
		write(2000)
		seen, missed := 0, 0
		for l, err := range s.read(t.Context(), time.Time{}) {
			if err != nil {
				t.Fatal(err)
			}
			if missed += l.Dropped; seen == 10 {
				write(10_000)
				s.close()
			}
			seen++
		}
		if seen+missed != written || seen < 2000 || missed < 2000 {
			t.Errorf("of %d lines a reader has seen %d and missed %d", written, seen, missed)
		}
		if s, err = openSpool(dir); err != nil {
			t.Fatal(err)
		}
		written = int(s.lines)
	}
	s.close()
}

func TestASpoolGoesOnAfterACrashInTheMiddleOfALine(t *testing.T) {
	dir := t.TempDir()
	s, err := openSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.add([]engine.Line{{Text: "one"}}, false, 4)
	s.add([]engine.Line{{Text: "", Stderr: true}}, true, 1)
	before := s.last
	s.file.WriteString("17000000000000000 o two\n17000000000 o hal")
	s.file.Close()
	if s, err = openSpool(dir); err != nil {
		t.Fatal(err)
	}
	if !s.last.Equal(before) {
		t.Errorf("the last line was at %v, and is at %v", before, s.last)
	}
	if out, err := s.reached(false), s.reached(true); out != 4 || err != 1 {
		t.Errorf("it reaches to %d and %d", out, err)
	}
	s.add([]engine.Line{{Text: "three"}}, false, 10)
	s.close()
	var got []string
	for l, err := range s.read(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(l.Text, l.Stderr))
	}
	if want := "onefalse true threefalse"; strings.Join(got, " ") != want {
		t.Errorf("got %q", got)
	}
}

func TestAReaderOfASpoolWaitsForMore(t *testing.T) {
	s, err := openSpool(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.add([]engine.Line{{Text: "1"}}, false, 2)
	n := 1
	for l, err := range s.read(t.Context(), time.Time{}) {
		if err != nil || l.Text != fmt.Sprint(n) {
			t.Fatalf("got %q, %v", l.Text, err)
		}
		if n++; n > 3 {
			break
		}
		s.add([]engine.Line{{Text: fmt.Sprint(n)}}, false, int64(2*n))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.read(ctx, s.last) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

func TestUsersAreNeverRoot(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	passwd := "root:x:0:0::/:/bin/sh\napp:x:1234:1235::/app:/bin/sh\nsneaky:x:0:0::/:/bin/sh\n"
	if err := os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte(passwd), 0o644); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]user{
		"": {1000, 1000}, "root": {1000, 1000}, "0": {1000, 1000}, "0:0": {1000, 1000}, "sneaky": {1000, 1000},
		"app": {1234, 1235}, "1234": {1234, 1235}, "77": {77, 77}, "77:88": {77, 88}, "77:0": {77, 77},
	} {
		if got, err := userOf(text, []string{dir}); err != nil || got != want {
			t.Errorf("%q is %v (%v), want %v", text, got, err, want)
		}
	}
	if _, err := userOf("stranger", []string{dir}); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("an unknown name: %v", err)
	}
	outside := t.TempDir()
	os.WriteFile(filepath.Join(outside, "passwd"), []byte("stranger:x:5:5::/:/bin/sh\n"), 0o644)
	link := t.TempDir()
	os.Symlink(outside, filepath.Join(link, "etc"))
	if _, err := userOf("stranger", []string{link}); err == nil {
		t.Error("an image led out of its own files")
	}
}
