package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPostgresServiceIsMadeOnce(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: an image is made by root")
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		t.Skip("SKIPPED: mmdebstrap is not installed")
	}
	store, err := OpenStore(filepath.Join(testCache(t), "images"))
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	first, err := BuildService(t.Context(), store, "postgres-17", os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("made in %s", time.Since(begun).Round(time.Millisecond))
	var said strings.Builder
	second, err := BuildService(t.Context(), store, "postgres-17", &said)
	if err != nil || second != first || said.Len() > 0 {
		t.Errorf("the second time it is %s and not %s, %v: %s", second, first, err, said.String())
	}
	img, err := store.Image(first)
	if err != nil {
		t.Fatal(err)
	}
	if layers, err := img.Layers(); err != nil || len(layers) != 2 {
		t.Errorf("it has %d layers, %v: the system's, and our own files", len(layers), err)
	}
}
