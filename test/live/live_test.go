package live

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/remote"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestServer is the promise of the product on one server: each part goes on from what the one before has left.
func TestServer(t *testing.T) {
	s := Start(t, "CLOISTER_OUTBOUND_MASQUERADE=false")
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}, outside: NewOutside(t, "198.51.100.0/24")}
	w.deploy(t, "north", "north-app")
	w.deploy(t, "south", "south-app")
	t.Run("spaces with the same addresses do not meet", w.spacesDoNotMeet)
	t.Run("each space has its own address outside", w.ownAddressOutside)
	t.Run("a stranger gets nothing", w.strangerGetsNothing)
	t.Run("releases lose no request", w.releasesLoseNoRequest)
	t.Run("killed processes come back and finish", w.killedProcessesFinish)
	t.Run("what was stopped starts again", w.stoppedStartsAgain)
	t.Run("what is destroyed is gone", w.destroyedIsGone)
}

type world struct {
	*Server
	api     *heroku.Client
	outside *Outside
}

// deploy makes a space with an app in it, and pushes the test app.
func (w *world) deploy(t *testing.T, space, app string) {
	t.Helper()
	w.Cloister(t, "spaces:create", space, "--team", w.Team, "--cidr", "172.16.0.0/16")
	w.Cloister(t, "spaces:wait", space)
	w.Cloister(t, "create", app, "--space", space, "--no-remote")
	w.push(t, app, "first")
	w.Cloister(t, "ps:scale", "web=4", "--app", app)
	w.Cloister(t, "ps:wait", "--app", app)
}

// push deploys the test app with a file that says which push it was.
func (w *world) push(t *testing.T, app, what string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/app")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "push.txt"), []byte(what), 0o644); err != nil {
		t.Fatal(err)
	}
	script := `git init -q -b main && git add -A && git -c user.name=t -c user.email=t@example.com commit -qm "$1" &&
		"$2" git:remote --app "$3" >/dev/null && eval "$("$2" env)" &&
		git -c credential.helper= -c credential.helper="!$2 git:credentials" push -f heroku main`
	cmd := exec.Command("sh", "-c", script, "sh", what, w.Binary, app)
	cmd.Dir, cmd.Env = dir, w.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("push %s: %v\n%s", app, err, out)
	}
}

// get asks an app through the router.
func (w *world) get(t *testing.T, app, path string) string {
	t.Helper()
	res, err := Client(w.HTTP).Get(w.url(t, app) + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s of %s: %d %q %v", path, app, res.StatusCode, body, err)
	}
	return string(body)
}

func (w *world) url(t *testing.T, app string) string {
	t.Helper()
	a, err := w.api.App(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(*a.WebURL, "/")
}

// addresses are those of an app's dynos in their space.
func (w *world) addresses(t *testing.T, space string) (out []string) {
	t.Helper()
	top, err := w.api.Topology(t.Context(), space)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range top.Apps {
		for _, f := range a.Formations {
			for _, d := range f.Dynos {
				out = append(out, d.PrivateIP)
			}
		}
	}
	slices.Sort(out)
	return out
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
	load := StartLoad(w.url(t, "north-app")+"/", w.HTTP, 200)
	stop := w.watch(t, "north-app", 4)
	w.Cloister(t, "config:set", "COLOUR=green", "--app", "north-app")
	w.Cloister(t, "ps:wait", "--app", "north-app")
	w.push(t, "north-app", "second")
	w.Cloister(t, "ps:wait", "--app", "north-app")
	w.Cloister(t, "ps:restart", "--app", "north-app")
	w.settled(t, "north-app", 4, w.version(t, "north-app"))
	w.Cloister(t, "ps:scale", "web=2", "--app", "north-app")
	w.settled(t, "north-app", 2, w.version(t, "north-app"))
	w.Cloister(t, "ps:scale", "web=4", "--app", "north-app")
	w.settled(t, "north-app", 4, w.version(t, "north-app"))
	sent, failed := load.Stop()
	if down := stop(); down > 1 {
		t.Errorf("%d of 4 dynos were down at once", down)
	}
	t.Logf("%d requests sent, %d failed", sent, len(failed))
	if sent < 1000 {
		t.Errorf("only %d requests were sent: too few to prove anything", sent)
	}
	for _, f := range failed {
		t.Errorf("lost: %s", f)
	}
}

// watch samples how many of the dynos that should run do not, while the formation has n of them.
func (w *world) watch(t *testing.T, app string, n int) (stop func() (most int)) {
	ctx, cancel := context.WithCancel(t.Context())
	most, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			types, err := w.api.Formation(ctx, app)
			dynos, err2 := w.api.Dynos(ctx, app)
			if err != nil || err2 != nil {
				continue
			}
			for _, f := range types {
				if f.Type != "web" || f.Quantity != n {
					continue
				}
				up := map[string]bool{}
				for _, d := range dynos {
					if d.Type == "web" && d.State == "up" {
						up[d.Name] = true
					}
				}
				most = max(most, n-len(up))
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() int { cancel(); <-done; return most }
}

func (w *world) version(t *testing.T, app string) int {
	t.Helper()
	r, err := w.api.Releases(t.Context(), app, heroku.Latest("version", 1))
	if err != nil || len(r) != 1 {
		t.Fatalf("releases of %s: %v %v", app, r, err)
	}
	return r[0].Version
}

// settled waits until the engine runs just n web dynos of an app, all of a release, and the API says so too.
func (w *world) settled(t *testing.T, app string, n, version int) {
	t.Helper()
	a, err := w.api.App(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	node := remote.Dial(filepath.Join(w.Run, "node.sock"))
	var last string
	deadline := time.Now().Add(3 * time.Minute)
	for time.Now().Before(deadline) {
		seen, err := node.List(t.Context(), a.ID)
		dynos, err2 := w.api.Dynos(t.Context(), app)
		if err == nil && err2 == nil {
			if last = compare(seen, dynos, n, version); last == "" {
				return
			}
		} else {
			last = fmt.Sprint(err, err2)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not settle at %d dynos of v%d: %s", app, n, version, last)
}

// compare says how what runs differs from n web dynos of a release, each in its own slot.
func compare(seen []engine.Status, dynos []heroku.Dyno, n, version int) string {
	names := map[string]bool{}
	for _, s := range seen {
		if s.Labels["release"] != fmt.Sprint(version) || s.Phase != engine.Running {
			return fmt.Sprintf("%s of v%s is %s", s.Labels["dyno"], s.Labels["release"], s.Phase)
		}
		if names[s.Labels["dyno"]] {
			return s.Labels["dyno"] + " runs twice"
		}
		names[s.Labels["dyno"]] = true
	}
	for _, d := range dynos {
		if !names[d.Name] || d.State != "up" {
			return fmt.Sprintf("%s is %s, and runs: %v", d.Name, d.State, names[d.Name])
		}
	}
	if len(seen) != n || len(dynos) != n {
		return fmt.Sprintf("%d workloads, %d dynos", len(seen), len(dynos))
	}
	return ""
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

// getRaw asks an app whose address was known before: the API may be away.
func (w *world) getRaw(t *testing.T, app string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.State, "router", "table.json"))
	if err != nil {
		t.Fatalf("the router keeps no table: %v", err)
	}
	var table struct {
		Apps []struct {
			AppName string
			Hosts   []string
		}
	}
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	for _, a := range table.Apps {
		if a.AppName != app {
			continue
		}
		res, err := Client(w.HTTP).Get("http://" + a.Hosts[0] + "/")
		if err != nil {
			t.Fatalf("while control is down: %v", err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("while control is down the app answers %d", res.StatusCode)
		}
		return
	}
	t.Errorf("%s is not in the router's table", app)
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

func (w *world) name() string {
	for _, e := range w.Env {
		if n, ok := strings.CutPrefix(e, "CLOISTER_NAME="); ok {
			return n
		}
	}
	return "?"
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

func port(address string) string {
	ap, err := netip.ParseAddrPort(strings.TrimPrefix(address, "http://"))
	if err != nil {
		return ""
	}
	return fmt.Sprint(ap.Port())
}
