package endtoend

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local"
)

func TestExamplesOnRealContainers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: containers and network namespaces need root")
	}
	for _, tool := range []string{"containerd", "runc", "nft", "mkfs.ext4", "mmdebstrap"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed", tool)
		}
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("CLOISTER_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	store, stack := realStack(t)
	e := openEngine(t, store, log)
	space := engine.Space{ID: cloister.NewID(), Dynos: cloister.DefaultCIDR, Data: cloister.DefaultDataCIDR}
	if err := e.EnsureSpace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	b := build.New(e, store, build.Config{CABundle: os.Getenv("SSL_CERT_FILE"), Env: build.PassEnv(os.Environ())}, log)
	for _, c := range []struct{ dir, kind string }{{"python", "Python"}, {"nodejs", "Node.js"}, {"go", "Go"}} {
		t.Run(c.dir, func(t *testing.T) {
			app, source := cloister.NewID(), example(t, c.dir)
			var slug cloister.Slug
			for _, try := range []string{"first", "second"} {
				var said bytes.Buffer
				start := time.Now()
				result, err := b.Build(t.Context(), build.Job{BuildID: cloister.NewID(), AppID: app, AppName: c.dir, Stack: stack, Source: bytes.NewReader(source), MaxTypes: 100}, &said)
				t.Logf("the %s build took %s\n%s", try, time.Since(start).Round(time.Millisecond), said.String())
				if err != nil {
					t.Fatal(err)
				}
				slug = result.Slug
			}
			if slug.Detected != c.kind {
				t.Errorf("detected %q", slug.Detected)
			}
			start := time.Now()
			got := ask(t, e, space.ID, slug)
			t.Logf("from start to the first answer: %s", time.Since(start).Round(time.Millisecond))
			if !strings.HasPrefix(got, "Hello from "+c.kind+", release v3") {
				t.Errorf("the app answered %q", got)
			}
			if err := b.DropCache(t.Context(), app); err != nil {
				t.Error(err)
			}
		})
	}
	left, err := e.List(t.Context(), "")
	if err != nil || len(left) != 0 {
		t.Errorf("workloads are left: %v %v", left, err)
	}
}

// openEngine opens an engine that leaves nothing on the machine when the test ends.
func openEngine(t *testing.T, store *build.Store, log *slog.Logger) *local.Engine {
	t.Helper()
	dir, err := os.MkdirTemp("", "cloister-endtoend")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	inside := filepath.Join(dir, "init")
	compile := exec.Command("go", "build", "-o", inside, "../../engine/local/testdata/init")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	e, err := local.New(t.Context(), local.Config{Name: "endtoend", State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run"),
		Images: store.Dir(), Init: inside, RouterUID: 0, Transit: netip.MustParsePrefix("100.127.0.0/16"), Masquerade: true}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := e.Teardown(ctx); err != nil {
			t.Error(err)
		}
	})
	return e
}

// ask runs the web process of a slug as a dyno and returns what its front page says.
func ask(t *testing.T, e engine.Engine, space string, slug cloister.Slug) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	id := "dyno-" + cloister.NewID()
	defer func() {
		if err := e.Drop(context.WithoutCancel(ctx), id); err != nil {
			t.Error(err)
		}
	}()
	err := e.Start(ctx, engine.Workload{ID: id, Owner: "app", Space: space, Subnet: engine.Dynos, Image: slug.Image, Port: 5000, Hostname: "web.1",
		Command: build.DynoCommand(slug.ProcessTypes["web"]), Env: map[string]string{"DYNO": "web.1", "HEROKU_RELEASE_VERSION": "v3"}, Size: engine.Size{Memory: 512 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	for {
		all, err := e.List(ctx, "app")
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 1 && all[0].Phase == engine.Exited {
			for line := range e.Logs(ctx, id, time.Time{}) {
				t.Log(line.Text)
			}
			t.Fatalf("the dyno exited with status %d", all[0].ExitStatus)
		}
		if len(all) == 1 && all[0].Listening {
			resp, err := http.Get(fmt.Sprintf("http://%s/", all[0].Endpoint))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
		select {
		case <-ctx.Done():
			t.Fatal("the dyno never listened")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// example is the source of an example, as a tar.
func example(t *testing.T, name string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.AddFS(os.DirFS(filepath.Join("..", "..", "..", "examples", name)).(fs.ReadDirFS)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// realStack is the stack that the tests of package build share.
func realStack(t *testing.T) (*build.Store, cloister.Stack) {
	t.Helper()
	dir := os.Getenv("CLOISTER_TEST_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("SKIPPED: there is no place to keep a stack: %v", err)
		}
		dir = filepath.Join(base, "cloister-test")
	}
	store, err := build.OpenStore(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	var stack cloister.Stack
	note := filepath.Join(dir, "stack.json")
	if raw, err := os.ReadFile(note); err == nil && json.Unmarshal(raw, &stack) == nil {
		if _, err := store.Image(stack.BuildImage); err == nil {
			return store, stack
		}
	}
	if stack, err = build.BuildStack(t.Context(), store, "debian-12", os.Stderr); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(stack)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(note, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return store, stack
}
