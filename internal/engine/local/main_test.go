package local_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/cloister-dev/cloister/internal/engine/local"
)

// inside marks the process that runs the tests: a child in a network namespace of its own, so that neither this
// machine's network nor other tests are in the way.
const inside = "CLOISTER_TEST_INSIDE"

func TestMain(m *testing.M) {
	if c := os.Getenv(nodeConfig); c != "" {
		fmt.Fprintln(os.Stderr, runNode(c))
		os.Exit(1)
	}
	if os.Geteuid() != 0 || os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), inside+"=yes")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGTERM}
	err := cmd.Run()
	if x := new(exec.ExitError); errors.As(err, &x) {
		os.Exit(x.ExitCode())
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// needRoot skips a test that works on a real machine only.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: containers and network namespaces need root")
	}
	for _, tool := range []string{"containerd", "runc", "nft", "mkfs.ext4", "ip", "busybox"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed", tool)
		}
	}
}

const routerUID = 4242

// A machine is an engine's surroundings in a test.
type machine struct {
	*testing.T
	config local.Config
	image  string
	seen   map[string]int
}

var testImage = sync.OnceValues(buildImage)

// newMachine prepares directories and the image, and takes care that nothing is left.
func newMachine(t *testing.T, name string) *machine {
	t.Helper()
	needRoot(t)
	img, err := testImage()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cloister-"+name)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{T: t, config: local.Config{Name: name, State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run"),
		Images: filepath.Join(dir, "images"), Init: filepath.Join(dir, "init"), RouterUID: routerUID,
		Outbound: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}}
	if err := build(m.config.Init, "./testdata/init"); err != nil {
		t.Fatal(err)
	}
	p, err := layout.Write(m.config.Images, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	m.image = d.String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
		defer cancel()
		e, err := local.New(ctx, m.config, m.log())
		if err != nil {
			t.Errorf("open for teardown: %v", err)
			return
		}
		if err := e.Teardown(ctx); err != nil {
			t.Error(err)
		}
		if left := m.leftovers(); left != "" {
			t.Errorf("left behind:\n%s", left)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return m
}

// leftovers lists what of this machine the kernel still knows.
func (m *machine) leftovers() string {
	var left []string
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, filepath.Dir(m.config.State)) {
			left = append(left, "mount: "+line)
		}
	}
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range processes {
		if text, _ := os.ReadFile(p); bytes.Contains(text, []byte(filepath.Dir(m.config.State)+"/")) && !bytes.Contains(text, []byte("\x00dial\x00")) {
			left = append(left, "process: "+string(bytes.ReplaceAll(text, []byte{0}, []byte{' '})))
		}
	}
	runc := filepath.Join("/run/containerd/runc", m.config.Name)
	if _, err := os.Stat(runc); !errors.Is(err, os.ErrNotExist) {
		left = append(left, "directory: "+runc)
	}
	tables, _ := exec.Command("nft", "list", "tables").Output()
	if strings.Contains(string(tables), " "+m.config.Name+"\n") || strings.Contains(string(tables), " "+m.config.Name+"_") {
		left = append(left, "table: "+m.config.Name)
	}
	return strings.Join(left, "\n")
}

func (m *machine) log() *slog.Logger {
	if os.Getenv("CLOISTER_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// open opens the engine and closes it at the end of the test.
func (m *machine) open() *local.Engine {
	m.Helper()
	e, err := local.New(m.Context(), m.config, m.log())
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() { e.Close() })
	return e
}

// buildImage makes an image of busybox and our probe.
func buildImage() (v1.Image, error) {
	dir, err := os.MkdirTemp("", "cloister-probe")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := build(filepath.Join(dir, "probe"), "./testdata/probe"); err != nil {
		return nil, err
	}
	probe, err := os.ReadFile(filepath.Join(dir, "probe"))
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	busybox, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	applets, err := exec.Command(path, "--list").Output()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, d := range []string{"bin/", "tmp/", "app/", "etc/", "proc/", "sys/", "dev/"} {
		w.WriteHeader(&tar.Header{Name: d, Typeflag: tar.TypeDir, Mode: 0o755})
	}
	for name, text := range map[string][]byte{"bin/busybox": busybox, "bin/probe": probe, "etc/passwd": []byte("root:x:0:0::/:/bin/sh\napp:x:1234:1234::/app:/bin/sh\n")} {
		w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text))})
		w.Write(text)
	}
	for _, a := range strings.Fields(string(applets)) {
		if a != "busybox" {
			w.WriteHeader(&tar.Header{Name: "bin/" + a, Typeflag: tar.TypeSymlink, Linkname: "busybox"})
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	return mutate.Config(img, v1.Config{Env: []string{"PATH=/bin"}, User: "app", WorkingDir: "/app"})
}

func build(to, source string) error {
	cmd := exec.Command("go", "build", "-o", to, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", source, err, out)
	}
	return nil
}

func number(s string) int { n, _ := strconv.Atoi(strings.TrimSpace(s)); return n }
