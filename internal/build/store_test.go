package build

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/cloister-dev/cloister"
)

func newStore(t *testing.T) *Store {
	t.Helper()
	s, err := OpenStore(filepath.Join(t.TempDir(), "images"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// smallStack is a stack of two tiny images.
func smallStack(t *testing.T, s *Store) cloister.Stack {
	t.Helper()
	l, err := s.NewLayer(0, func(w io.Writer) error {
		_, err := w.Write(archive(t, regular("etc/os-release")))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	img, err := stackImage(l)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := s.Put(t.Context(), img, "tiny run")
	if err != nil {
		t.Fatal(err)
	}
	return cloister.Stack{Name: "tiny", RunImage: digest, BuildImage: digest}
}

func TestStoredImageIsWholeAndReadableByAll(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	stack := smallStack(t, s)
	slug, err := s.ImportSlug(t.Context(), stack, "hello", cloister.Slug{ID: "x"}, bytes.NewReader(archive(t, regular("./app/Procfile"))), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	img, err := s.Image(slug.Image)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if file.Config.User != "1000:1000" || file.Config.WorkingDir != "/app" || !strings.Contains(strings.Join(file.Config.Env, " "), "PATH=/usr/local/bin") || len(file.RootFS.DiffIDs) != 2 {
		t.Errorf("configuration: %+v", file)
	}
	if slug.ID != "x" || slug.Stack != "tiny" || slug.Size == 0 {
		t.Errorf("slug: %+v", slug)
	}
	err = filepath.WalkDir(s.Dir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if want := fs.FileMode(0o644); !d.IsDir() && info.Mode().Perm() != want || d.IsDir() && info.Mode().Perm() != 0o755 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPuttingAnImageAgainMendsIt(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	digest := smallStack(t, s).RunImage
	img, err := s.Image(digest)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	h, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.blob(h), []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err == nil {
		t.Fatal("the damage does not show")
	}
	if again := smallStack(t, s).RunImage; again != digest {
		t.Fatalf("the image is made as %s, and was %s", again, digest)
	}
	if err := validate.Image(img); err != nil {
		t.Errorf("made and put again, it is not sound: %v", err)
	}
}

func TestWritersInSeveralProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	dir := newStore(t).Dir()
	var wg sync.WaitGroup
	digests := make([]string, 12)
	for i := range digests {
		wg.Go(func() {
			s, err := OpenStore(dir) // another Store shares nothing in memory, as another process would
			if err != nil {
				t.Error(err)
				return
			}
			img, err := random.Image(100, 2)
			if err != nil {
				t.Error(err)
				return
			}
			if digests[i], err = s.Put(t.Context(), img, strconv.Itoa(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range digests {
		img, err := s.Image(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(img); err != nil {
			t.Error(err)
		}
	}
}

func TestCollectKeepsWhatIsNamedOrNew(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	put := func(img v1.Image) string {
		d, err := s.Put(t.Context(), img, "x")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	stack := smallStack(t, s)
	slug, err := s.ImportSlug(t.Context(), stack, "hello", cloister.Slug{}, bytes.NewReader(archive(t, regular("app/a"))), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	old := put(img)
	if freed, err := s.Collect(map[string]bool{}, time.Now().Add(-time.Minute)); err != nil || freed != 0 {
		t.Errorf("new images: freed %d, %v", freed, err)
	}
	freed, err := s.Collect(map[string]bool{slug.Image: true}, time.Now().Add(time.Minute))
	if err != nil || freed < 1000 {
		t.Errorf("freed %d, %v", freed, err)
	}
	if _, err := s.Image(old); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("the image that nobody needs: %v", err)
	}
	kept, err := s.Image(slug.Image)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(kept); err != nil {
		t.Errorf("the layers of the stack, which the kept image shares, are gone: %v", err)
	}
}

func TestLayerOverItsLimitIsMeasuredAndForgotten(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l, err := s.NewLayer(100, func(w io.Writer) error {
		for i := range 10_000 {
			if _, err := io.WriteString(w, strconv.Itoa(i*i)); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, errTooLarge) || l.size < 10_000 {
		t.Errorf("%v, %+v", err, l)
	}
	if left, _ := os.ReadDir(s.path("incoming")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestStackIsPulledFromARegistry(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	var refs []string
	for _, tag := range []string{"24", "24-build"} {
		img, err := random.Image(500, 2)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.NewTag(host + "/heroku/heroku:" + tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, img); err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref.String())
	}
	s := newStore(t)
	stack, err := PullStack(t.Context(), s, "heroku-24", refs[0], refs[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, digest := range []string{stack.RunImage, stack.BuildImage} {
		img, err := s.Image(digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(img); err != nil {
			t.Error(err)
		}
		if file, err := img.ConfigFile(); err != nil || file.Config.User != "1000:1000" {
			t.Errorf("%+v %v", file, err)
		}
	}
	if _, err := PullStack(t.Context(), s, "heroku-24", "no such:name:x", refs[1]); cloister.KindOf(err) != cloister.Invalid {
		t.Error(err)
	}
}
