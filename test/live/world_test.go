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
	if w.outside != nil {
		w.Cloister(t, "config:set", "BEACON="+w.outside.Addr, "--app", app)
	}
	w.push(t, app, "first")
	w.Cloister(t, "ps:scale", "web=4", "--app", app)
	w.Cloister(t, "ps:wait", "--app", app)
}

// push deploys the test app with a file that says which push it was.
func (w *world) push(t *testing.T, app, what string) {
	t.Helper()
	if out, err := w.tryPush(t, app, what); err != nil {
		t.Fatalf("push %s: %v\n%s", app, err, out)
	}
}

// tryPush returns what git said, and whether it went well. Process types are lines to add to the Procfile.
func (w *world) tryPush(t *testing.T, app, what string, processes ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/app")); err != nil {
		t.Fatal(err)
	}
	procfile, err := os.ReadFile(filepath.Join(dir, "Procfile"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Procfile"), append(procfile, strings.Join(processes, "")...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "push.txt"), []byte(what), 0o644); err != nil {
		t.Fatal(err)
	}
	return w.pushDir(dir, app, what)
}

// pushDir pushes what is in a directory, and returns what git said, and whether it went well.
func (w *world) pushDir(dir, app, what string) (string, error) {
	script := `git init -q -b main && git add -A && git -c user.name=t -c user.email=t@example.com commit -qm "$1" &&
		"$2" git:remote --app "$3" >/dev/null && eval "$("$2" env)" &&
		git -c credential.helper= -c credential.helper="!$2 git:credentials" push -f heroku main`
	cmd := exec.Command("sh", "-c", script, "sh", what, w.Binary, app)
	cmd.Dir, cmd.Env = dir, w.Env
	out, err := cmd.CombinedOutput()
	return string(out), err
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

func (w *world) name() string {
	for _, e := range w.Env {
		if n, ok := strings.CutPrefix(e, "CLOISTER_NAME="); ok {
			return n
		}
	}
	return "?"
}

func port(address string) string {
	ap, err := netip.ParseAddrPort(strings.TrimPrefix(address, "http://"))
	if err != nil {
		return ""
	}
	return fmt.Sprint(ap.Port())
}
