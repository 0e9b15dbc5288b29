package local_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A blob of an image that is not what it was is told with both checksums, starts nothing, and is taken anew once it is
// mended.
func TestADamagedImageIsToldAndCanBeMended(t *testing.T) {
	m := newMachine(t, "damage")
	blobs, err := filepath.Glob(filepath.Join(m.config.Images, "blobs/sha256/*"))
	if err != nil || len(blobs) != 3 {
		t.Fatalf("the image is in %q, %v", blobs, err)
	}
	e := m.open()
	s := m.space(e)
	w := engine.Workload{Image: m.image, Space: s.ID, Owner: "test", Command: []string{"true"}, Size: engine.Size{Memory: 64 << 20, CPU: 1000, PIDs: 64, Disk: 32 << 20}}
	for _, blob := range blobs { // config, manifest and layer, in the order of their sums
		sound, err := os.ReadFile(blob)
		if err != nil {
			t.Fatal(err)
		}
		flipped := slices.Clone(sound)
		flipped[len(flipped)/2] ^= 1
		for what, damaged := range map[string][]byte{"a bit": flipped, "the end": sound[:len(sound)-1]} {
			m.write(blob, damaged)
			w.ID = cloister.NewID()
			sum := sha256.Sum256(damaged)
			want := "Checksum does match expected value. Expected: SHA256:" + filepath.Base(blob) + " Actual: SHA256:" + hex.EncodeToString(sum[:])
			if err := e.Start(t.Context(), w); cloister.KindOf(err) != cloister.Corrupt || cloister.MessageOf(err) != want {
				t.Errorf("without %s of a blob of %d bytes: %v\nwant %s", what, len(sound), err, want)
			}
			if list, err := e.List(t.Context(), ""); err != nil || len(list) > 0 {
				t.Errorf("it left %v, %v", list, err)
			}
		}
		m.write(blob, sound)
	}
	w.ID = cloister.NewID()
	if err := e.Start(t.Context(), w); err != nil {
		t.Errorf("with all mended: %v", err)
	}
}

func (m *machine) write(path string, b []byte) {
	m.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		m.Fatal(err)
	}
}
