package build

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// A bench builds apps in a yard, all as one app, so that they share a cache.
type bench struct {
	*Builder
	yard  *yard
	stack cloister.Stack
	app   string
}

func newBench(t *testing.T, c Config) *bench {
	t.Helper()
	store, stack := realStack(t)
	y := newYard(t, store)
	if c.CABundle == "" {
		c.CABundle = os.Getenv("SSL_CERT_FILE")
	}
	if c.Env == nil {
		c.Env = PassEnv(os.Environ())
	}
	return &bench{Builder: New(y, store, c, slog.New(slog.DiscardHandler)), yard: y, stack: stack, app: cloister.NewID()}
}

func (b *bench) job(source []byte) Job {
	return Job{BuildID: cloister.NewID(), AppID: b.app, AppName: "hello", Stack: b.stack, Source: bytes.NewReader(source), Version: strings.Repeat("ab", 20), MaxTypes: 100}
}

// build runs a job and returns the transcript too. Nothing may be left of it, come what may.
func (b *bench) build(t *testing.T, job Job) (Result, string, error) {
	t.Helper()
	var out bytes.Buffer
	start := time.Now()
	result, err := b.Build(t.Context(), job, &out)
	t.Logf("took %s\n%s", time.Since(start).Round(time.Millisecond), out.String())
	if len(b.yard.workloads) != 0 {
		t.Errorf("workloads are left: %v", b.yard.workloads)
	}
	for id := range b.yard.volumes {
		if id != cacheVolume(job.AppID) {
			t.Errorf("volume %s is left", id)
		}
	}
	left, readErr := os.ReadDir(b.store.path("incoming"))
	if readErr != nil || len(left) != 0 {
		t.Errorf("layers are left in the store: %v %v", left, readErr)
	}
	return result, out.String(), err
}

// source makes a tar of files: name to content. A name that ends in * is executable.
func source(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, content := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimSuffix(name, "*"), Mode: 0o644, Size: int64(len(content)), ModTime: stackDate}
		if strings.HasSuffix(name, "*") {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sourceOf makes a tar of a directory of the repository.
func sourceOf(t *testing.T, dir string) []byte {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path.Join(dir, name))
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return source(t, files)
}
