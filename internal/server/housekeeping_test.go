package server

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestOnlyImagesThatNobodyNeedsAreThrownAway(t *testing.T) {
	images, err := build.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, age time.Duration) string {
		t.Helper()
		img, err := random.Image(1000, 2)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := images.Put(t.Context(), img, name)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(images.Dir(), "blobs", strings.ReplaceAll(digest, ":", "/")), at, at); err != nil {
			t.Fatal(err)
		}
		return digest
	}
	const old = 48 * time.Hour
	run, builder, young, unused := put("run", old), put("build", old), put("young", time.Hour), put("unused", old)

	s := memory(t)
	if err := s.Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutStack(cloister.Stack{Name: "debian-12", RunImage: run, BuildImage: builder, CreatedAt: tx.Now})
	}); err != nil {
		t.Fatal(err)
	}
	sources := newUploads(t)
	kept, err := sources.keep(strings.NewReader("young source"))
	if err != nil {
		t.Fatal(err)
	}
	h := &housekeeper{store: s, images: images, sources: sources, log: slog.New(slog.DiscardHandler)}
	for range 2 {
		if err := h.tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		digest string
		there  bool
	}{"run": {run, true}, "build": {builder, true}, "young": {young, true}, "unused": {unused, false}} {
		img, err := images.Image(c.digest)
		if (err == nil) != c.there {
			t.Errorf("%s is there: %v, %v", name, err == nil, err)
		}
		if err != nil {
			continue
		}
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range layers {
			r, err := l.Compressed()
			if err != nil {
				t.Errorf("%s has lost a layer: %v", name, err)
				continue
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				t.Error(err)
			}
			r.Close()
		}
	}
	if f, ok := sources.open(kept); !ok {
		t.Error("a source was thrown away before its time")
	} else {
		f.Close()
	}
}
