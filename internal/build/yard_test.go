package build

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A yard is the smallest engine that a real build can run on: each workload is a mount and a process namespace over
// a copy of its image. It knows no network and no limits; that these hold is the business of the engines' own tests.
type yard struct {
	engine.Engine // what is not implemented here is not called by builds, and would panic
	t             *testing.T
	store         *Store
	dir           string

	mu        sync.Mutex
	workloads map[string]*plot
	volumes   map[string]bool
	started   []engine.Workload // all there ever were
}

type plot struct {
	w      engine.Workload
	root   string
	holder *exec.Cmd
	init   string // the process whose namespaces it is
}

func newYard(t *testing.T, store *Store) *yard {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: builds are tested in namespaces, which takes root")
	}
	y := &yard{t: t, store: store, dir: t.TempDir(), workloads: map[string]*plot{}, volumes: map[string]bool{}}
	t.Cleanup(func() {
		for _, id := range slices.Collect(maps.Keys(y.workloads)) {
			y.Drop(context.Background(), id)
		}
	})
	return y
}

func (y *yard) EnsureSpace(context.Context, engine.Space) error { return nil }

func (y *yard) Events(context.Context) <-chan engine.Event { return nil }

const enclose = `
set -e
mount -t tmpfs tmpfs "$SCRATCH"
mkdir "$SCRATCH/upper" "$SCRATCH/work"
mount -t overlay overlay -o lowerdir="$LOWER",upperdir="$SCRATCH/upper",workdir="$SCRATCH/work" "$ROOT"
cp /etc/resolv.conf /etc/hosts "$ROOT/etc/"
mkdir -p "$ROOT/proc" "$ROOT/dev" "$ROOT/tmp"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
while [ $# -gt 0 ]; do
	mkdir -p "$ROOT$2"
	mount --bind "$1" "$ROOT$2"
	shift 2
done
echo ready
exec sleep infinity`

func (y *yard) Start(ctx context.Context, w engine.Workload) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	lower, err := y.unpacked(w.Image)
	if err != nil {
		return err
	}
	root, scratch := filepath.Join(y.dir, w.ID), filepath.Join(y.dir, w.ID+".scratch")
	args := []string{"--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", enclose, "enclose"}
	for _, d := range []string{root, scratch} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	for _, v := range w.Volumes {
		dir := filepath.Join(y.dir, "volume-"+v.ID)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.Chown(dir, userID, userID); err != nil {
			return err
		}
		y.volumes[v.ID] = true
		args = append(args, dir, v.Path)
	}
	p := &plot{w: w, root: root, holder: exec.Command("unshare", args...)}
	p.holder.Env = append(os.Environ(), "LOWER="+lower, "ROOT="+root, "SCRATCH="+scratch)
	p.holder.Stderr = os.Stderr
	p.holder.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.holder.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.holder.Start(); err != nil {
		return err
	}
	y.workloads[w.ID], y.started = p, append(y.started, w)
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		return fmt.Errorf("enclose %s: %w", w.ID, err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.holder.Process.Pid))
	p.init = strings.TrimSpace(string(children))
	return err
}

func (y *yard) Exec(ctx context.Context, id string, p engine.Process, t engine.Terminal) (int, error) {
	y.mu.Lock()
	w := y.workloads[id]
	y.mu.Unlock()
	if w == nil {
		return 0, cloister.Missing("dyno")
	}
	args := []string{"--target", w.init, "--mount", "--pid", "chroot", "--userspec=1000:1000", "--groups=1000", w.root, "/usr/bin/env", "-i"}
	env := maps.Clone(w.w.Env)
	maps.Copy(env, p.Env)
	for _, k := range slices.Sorted(maps.Keys(env)) {
		args = append(args, k+"="+env[k])
	}
	cmd := exec.CommandContext(ctx, "nsenter", append(args, p.Command...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.In, t.Out, t.Err
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	if cmd.ProcessState != nil && cmd.ProcessState.Exited() {
		return cmd.ProcessState.ExitCode(), nil
	}
	if ctx.Err() != nil {
		return 137, ctx.Err()
	}
	if cmd.ProcessState != nil {
		return 128 + int(cmd.ProcessState.Sys().(syscall.WaitStatus).Signal()), nil
	}
	return 0, err
}

func (y *yard) List(ctx context.Context, owner string) ([]engine.Status, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	var out []engine.Status
	for _, id := range slices.Sorted(maps.Keys(y.workloads)) {
		out = append(out, engine.Status{ID: id, Owner: y.workloads[id].w.Owner, Phase: engine.Running})
	}
	return out, nil
}

func (y *yard) Drop(ctx context.Context, id string) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	p := y.workloads[id]
	if p == nil {
		return nil
	}
	delete(y.workloads, id)
	p.holder.Process.Kill() // and with it all processes, and with them all mounts
	p.holder.Wait()
	return nil
}

func (y *yard) DropVolume(ctx context.Context, id string) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, p := range y.workloads {
		for _, v := range p.w.Volumes {
			if v.ID == id {
				return cloister.Errorf(cloister.Conflict, "Volume %s is in use.", id)
			}
		}
	}
	delete(y.volumes, id)
	return os.RemoveAll(filepath.Join(y.dir, "volume-"+id))
}

// unpacked is the file system of an image. That of the stack is unpacked once for all runs of the tests.
func (y *yard) unpacked(digest string) (string, error) {
	home := y.dir
	if digest == sharedStack.stack.BuildImage {
		home = testCache(y.t)
	}
	dir := filepath.Join(home, "unpacked", strings.TrimPrefix(digest, "sha256:"))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	img, err := y.store.Image(digest)
	if err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(home, "unpacking-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	tar := exec.Command("tar", "--extract", "--file=-", "--directory="+tmp, "--numeric-owner", "--same-permissions")
	files := mutate.Extract(img)
	defer files.Close()
	tar.Stdin = files
	if said, err := tar.CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack %s: %w: %s", digest, err, said)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	return dir, os.Rename(tmp, dir)
}
