package live

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister/internal/engine/remote"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestServer is the promise of the product on one server: each part goes on from what the one before has left.
func TestServer(t *testing.T) {
	s := Start(t, "CLOISTER_OUTBOUND_MASQUERADE=false")
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}, outside: NewOutside(t, "198.51.100.0/24")}
	edge := w.outside.Capture(t)
	w.deploy(t, "north", "north-app")
	w.deploy(t, "south", "south-app")
	t.Run("spaces with the same addresses do not meet", w.spacesDoNotMeet)
	t.Run("each space has its own address outside", w.ownAddressOutside)
	t.Run("a stranger gets nothing", w.strangerGetsNothing)
	t.Run("releases lose no request", w.releasesLoseNoRequest)
	t.Run("killed processes come back and finish", w.killedProcessesFinish)
	t.Run("what was stopped starts again", w.stoppedStartsAgain)
	t.Run("what is lost is restored", w.backedUpAndRestored)
	t.Run("its key is replaced", w.keyReplaced)
	t.Run("the edge saw spaces' own addresses only", func(t *testing.T) { w.edgeSawOwnAddresses(t, edge.Packets(t)) })
	t.Run("what is destroyed is gone", w.destroyedIsGone)
}

func (w *world) spacesDoNotMeet(t *testing.T) {
	north, south := w.addresses(t, "north"), w.addresses(t, "south")
	var shared, only []string
	for _, a := range south {
		if slices.Contains(north, a) {
			shared = append(shared, a)
		} else {
			only = append(only, a)
		}
	}
	if len(shared) == 0 {
		t.Fatalf("no address is used in both spaces: %v and %v", north, south)
	}
	// The same address is somebody else in each space.
	for _, a := range shared {
		for _, app := range []string{"north-app", "south-app"} {
			if got := w.get(t, app, "/fetch?url=http://"+a+":5000/"); !strings.HasPrefix(got, app+" ") {
				t.Errorf("%s at %s finds %q", app, a, got)
			}
		}
	}
	// An address that only one space uses leads nowhere in the other.
	if len(only) == 0 {
		w.Cloister(t, "ps:scale", "web=7", "--app", "south-app")
		w.Cloister(t, "ps:wait", "--app", "south-app")
		for _, a := range w.addresses(t, "south") {
			if !slices.Contains(north, a) {
				only = append(only, a)
			}
		}
		defer w.Cloister(t, "ps:scale", "web=4", "--app", "south-app")
	}
	for _, a := range only {
		if got := w.get(t, "south-app", "/connect?to="+a+":5000"); got != "connected" {
			t.Errorf("inside its space %s is %s", a, got)
		}
		if got := w.get(t, "north-app", "/connect?to="+a+":5000"); got == "connected" {
			t.Errorf("from the other space %s answers", a)
		}
	}
	// Nor does a way lead to the machine itself.
	for _, to := range []string{w.outside.Host + ":" + port(w.HTTP), w.outside.Host + ":" + port(w.API)} {
		if got := w.get(t, "north-app", "/connect?to="+to); got == "connected" {
			t.Errorf("a dyno reaches the machine at %s", to)
		}
	}
}

func (w *world) ownAddressOutside(t *testing.T) {
	echo := w.outside.Echo(t)
	for _, c := range []struct{ space, app string }{{"north", "north-app"}, {"south", "south-app"}} {
		nat, err := w.api.NAT(t.Context(), c.space)
		if err != nil {
			t.Fatal(err)
		}
		for range 8 { // whichever dyno answers
			got := w.get(t, c.app, "/fetch?url="+echo)
			if !slices.Contains(nat.Sources, got) {
				t.Errorf("outside, %s is seen as %q, and its space has %v", c.app, got, nat.Sources)
			}
		}
	}
}

// edgeSawOwnAddresses looks at all that has left the machine since before the first space was made: through deploys,
// releases, scaling, kills of every process, reloads of rules, and a stop of everything. Apps have sent to port 9999 all
// the while.
func (w *world) edgeSawOwnAddresses(t *testing.T, packets map[Packet]int) {
	of := map[netip.Addr]string{netip.MustParseAddr(w.outside.Host): "the machine"}
	for _, space := range []string{"north", "south"} {
		nat, err := w.api.NAT(t.Context(), space)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range nat.Sources {
			of[netip.MustParseAddr(s)] = space
		}
	}
	beacons := map[string]int{}
	for p, n := range packets {
		switch who := of[p.Source]; {
		case p.Protocol == 0 || p.Source.Is6() && (p.Source.IsLinkLocalUnicast() || p.Source.IsUnspecified()):
			continue // ARP, and what IPv6 says when a link comes up: they do not cross a machine
		case who == "" && p.Source != netip.MustParseAddr(w.outside.Addr):
			t.Errorf("%d packets left with source %v", n, p)
		case p.Port == 9999:
			beacons[fmt.Sprintf("%s by protocol %d", who, p.Protocol)] += n
		}
	}
	t.Logf("seen: %v", beacons)
	for _, space := range []string{"north", "south"} {
		for _, protocol := range []int{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			if n := beacons[fmt.Sprintf("%s by protocol %d", space, protocol)]; n < 1000 {
				t.Errorf("only %d packets of %s were seen by protocol %d: too few to prove anything", n, space, protocol)
			}
		}
	}
	if n := beacons["the machine by protocol 6"] + beacons["the machine by protocol 17"]; n > 0 {
		t.Errorf("%d packets of apps left with the machine's address", n)
	}
}

func (w *world) strangerGetsNothing(t *testing.T) {
	host := strings.TrimPrefix(w.url(t, "north-app"), "http://")
	host, _, _ = strings.Cut(host, ":")
	ask := func(more string) string {
		c, err := w.outside.Dial(w.outside.Host + ":" + port(w.HTTP))
		if err != nil {
			return "" // not even a connection
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n", host, more)
		body, _ := io.ReadAll(c)
		return string(body)
	}
	if got := ask(""); !strings.Contains(got, "north-app") {
		t.Fatalf("while everybody is trusted, a client outside gets %q", got)
	}
	trust := func(sources ...string) {
		t.Helper()
		rules := []heroku.Rule{}
		for _, s := range sources {
			rules = append(rules, heroku.Rule{Action: "allow", Source: s})
		}
		start := time.Now()
		r, err := w.api.SetRuleset(t.Context(), "north", heroku.RulesetUpdateOpts{Rules: rules})
		if err != nil {
			t.Fatal(err)
		}
		if r.Applied == nil || !*r.Applied {
			t.Errorf("rules are not in force %s after they were set", time.Since(start))
		}
	}
	trust("127.0.0.0/8")
	for _, more := range []string{"", "X-Forwarded-For: 127.0.0.1\r\n", "Forwarded: for=127.0.0.1\r\n", "X-Real-IP: 127.0.0.1\r\nTrue-Client-IP: 127.0.0.1\r\n"} {
		if got := ask(more); got != "" {
			t.Errorf("a stranger with %q gets %q", more, got)
		}
	}
	w.get(t, "north-app", "/") // which comes from 127.0.0.1
	trust("198.51.101.0/24")
	if got := ask(""); !strings.Contains(got, "north-app") {
		t.Errorf("a trusted client gets %q", got)
	}
	trust("0.0.0.0/0")
}

func (w *world) releasesLoseNoRequest(t *testing.T) {
	load := StartLoad(Client(w.HTTP), 200, w.url(t, "north-app")+"/")
	stop := w.watch(t, "north-app", 4)
	w.Cloister(t, "config:set", "COLOUR=green", "--app", "north-app")
	w.Cloister(t, "ps:wait", "--app", "north-app")
	w.push(t, "north-app", "second")
	w.Cloister(t, "ps:wait", "--app", "north-app")
	w.Cloister(t, "ps:restart", "--app", "north-app")
	w.settled(t, "north-app", 4, w.version(t, "north-app"))
	if down := stop(); down > 1 {
		t.Errorf("%d of 4 dynos were down at once; the app's log:\n%s", down, w.Cloister(t, "logs", "--app", "north-app", "--source", "heroku", "--num", "400"))
	}
	w.Cloister(t, "ps:scale", "web=2", "--app", "north-app")
	w.settled(t, "north-app", 2, w.version(t, "north-app"))
	w.Cloister(t, "ps:scale", "web=4", "--app", "north-app")
	w.settled(t, "north-app", 4, w.version(t, "north-app"))
	sent, failed := load.Stop()
	t.Logf("%d requests sent, %d failed", sent, len(failed))
	if sent < 1000 {
		t.Errorf("only %d requests were sent: too few to prove anything", sent)
	}
	for _, f := range failed {
		t.Errorf("lost: %s", f)
	}
}

func (w *world) killedProcessesFinish(t *testing.T) {
	for _, process := range []string{"control", "router", "node"} {
		w.Cloister(t, "config:set", "KILLED="+process, "--app", "north-app")
		version := w.version(t, "north-app")
		w.Kill(t, process)
		if process == "control" {
			// The router serves on by the table it has.
			w.getRaw(t, "north-app")
			w.Cloister(t, "server", "--wait", "60s")
		}
		w.settled(t, "north-app", 4, version)
		Eventually(t, 30*time.Second, "the app answers after "+process+" was killed", func() bool {
			res, err := Client(w.HTTP).Get(w.url(t, "north-app"))
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK
		})
	}
}

func (w *world) stoppedStartsAgain(t *testing.T) {
	version := w.version(t, "north-app")
	w.Down(t)
	if out, err := exec.Command("ip", "netns", "list").Output(); err == nil && strings.Contains(string(out), w.name()) {
		t.Errorf("namespaces are left after server --down:\n%s", out)
	}
	w.Up(t)
	w.settled(t, "north-app", 4, version)
	w.settled(t, "south-app", 4, w.version(t, "south-app"))
	if got := w.get(t, "north-app", "/"); !strings.HasPrefix(got, "north-app") {
		t.Errorf("after a restart the app answers %q", got)
	}
}

func (w *world) destroyedIsGone(t *testing.T) {
	a, err := w.api.App(t.Context(), "south-app")
	if err != nil {
		t.Fatal(err)
	}
	w.Cloister(t, "apps:destroy", "--app", "south-app", "--confirm", "south-app")
	w.Cloister(t, "spaces:destroy", "south", "--confirm", "south")
	node := remote.Dial(filepath.Join(w.Run, "node.sock"))
	Eventually(t, time.Minute, "the dynos of the destroyed app are gone", func() bool {
		seen, err := node.List(t.Context(), a.ID)
		return err == nil && len(seen) == 0
	})
	if _, err := w.api.Space(t.Context(), "south"); !heroku.IsNotFound(err) {
		t.Errorf("a destroyed space is %v", err)
	}
	// Its name and its outbound addresses are free again.
	w.Cloister(t, "spaces:create", "south", "--team", w.Team)
}
