package endtoend

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local"
)

// A world is an engine with one space, and a dyno in it where clients are.
type world struct {
	*testing.T
	engine engine.Engine
	store  *build.Store
	dyno   addon.Exec // its slot is of no importance

	mu    sync.Mutex
	space engine.Space
}

// newWorld opens an engine that leaves nothing on the machine when the test ends.
func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: containers and network namespaces need root")
	}
	for _, tool := range []string{"containerd", "runc", "nft", "mkfs.ext4", "mmdebstrap"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed", tool)
		}
	}
	dir, err := os.MkdirTemp("", "cloister-addons")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{T: t, store: openStore(t)}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("CLOISTER_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	init := filepath.Join(dir, "init")
	compile := exec.Command("go", "build", "-o", init, "../../engine/local/testdata/init")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	e, err := local.New(t.Context(), local.Config{Name: "data-services", State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run"),
		Images: w.store.Dir(), Init: init, RouterUID: 0, Transit: netip.MustParsePrefix("100.126.0.0/16"), Masquerade: true}, log)
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
	w.engine = e
	w.space = engine.Space{ID: cloister.NewID(), Dynos: cloister.DefaultCIDR, Data: cloister.DefaultDataCIDR}
	w.names("", nil)
	return w
}

// openStore is the store that tests of package build share: making an image takes a minute or two.
func openStore(t *testing.T) *build.Store {
	t.Helper()
	dir := os.Getenv("CLOISTER_TEST_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("SKIPPED: there is no place to keep an image: %v", err)
		}
		dir = filepath.Join(base, "cloister-test")
	}
	store, err := build.OpenStore(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// image is the image of a recipe.
func (w *world) image(name string) string {
	w.Helper()
	digest, err := build.BuildService(w.Context(), w.store, name, os.Stderr)
	if err != nil {
		w.Fatal(err)
	}
	return digest
}

// names makes all names below suffix be these.
func (w *world) names(suffix string, names []engine.Name) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := slices.DeleteFunc(slices.Clone(w.space.Names), func(n engine.Name) bool { return strings.HasSuffix(n.Name, suffix) })
	w.space.Names = append(kept, names...)
	slices.SortFunc(w.space.Names, func(a, b engine.Name) int { return strings.Compare(a.Name, b.Name) })
	if err := w.engine.EnsureSpace(context.WithoutCancel(w.Context()), w.space); err != nil {
		w.Error(err)
	}
}

// client starts a dyno of an image, which waits for what is to be done in it.
func (w *world) client(image string) {
	w.Helper()
	id := "dyno-" + cloister.NewID()
	err := w.engine.Start(w.Context(), engine.Workload{ID: id, Owner: "app", Space: w.space.ID, Subnet: engine.Dynos, Image: image, Hold: true, Hostname: "run.1"})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { w.engine.Drop(context.WithoutCancel(w.Context()), id) })
	w.dyno = func(ctx context.Context, _ string, p engine.Process, t engine.Terminal) (int, error) {
		return w.engine.Exec(ctx, id, p, t)
	}
}

// until looks again and again, until what has become true.
func (w *world) until(what string, patience time.Duration, is func() bool) time.Duration {
	w.Helper()
	start := time.Now()
	for !is() {
		if time.Since(start) > patience {
			w.Fatalf("not in %s: %s", patience, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(start)
}

// plan is a plan of that much memory, in MB.
func plan(memory int64, standby bool) cloister.Plan {
	return cloister.Plan{ID: cloister.NewID(), Name: fmt.Sprintf("test-%d", memory), HumanName: fmt.Sprintf("Test %d", memory),
		Shape: cloister.Shape{Memory: memory << 20, CPU: 2000, Disk: 3 * memory << 20, Connections: 40, Standby: standby}}
}

// pool has one authority in it.
func pool(t testing.TB, authority cloister.Secret) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM([]byte(authority.Reveal())) {
		t.Fatal("the authority is no certificate")
	}
	return p
}
