package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/backup"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/store"
)

var (
	now  = time.Date(2026, 3, 29, 1, 2, 3, 0, time.UTC)
	key  = bytes.Repeat([]byte{7}, 32)
	hush = "hush-hush-4711" // a config var, and what is in the one file
)

// A house is all that an installation keeps.
type house struct {
	dir    string
	store  *store.Store
	git    repositories
	images *build.Store
	app    cloister.App
}

func (h *house) database() string { return filepath.Join(h.dir, "cloister.db") }

// repositories stand for git's, which are tested where they are: a file each.
type repositories map[string]string

func (r repositories) Bundle(_ context.Context, appID, file string) (bool, error) {
	text, ok := r[appID]
	if !ok {
		return false, nil
	}
	return true, os.WriteFile(file, []byte(text), 0o600)
}

func (r repositories) Unbundle(_ context.Context, appID, file string) error {
	text, err := os.ReadFile(file)
	r[appID] = string(text)
	return err
}

func empty(t *testing.T) *house {
	t.Helper()
	h := &house{dir: t.TempDir(), git: repositories{}}
	var err error
	if h.images, err = build.OpenStore(filepath.Join(h.dir, "images")); err != nil {
		t.Fatal(err)
	}
	return h
}

// putImage puts an image into the store of a house, and returns its digest.
func (h *house) putImage(t *testing.T) string {
	t.Helper()
	put := func(kind string, content []byte) string {
		t.Helper()
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
		if err := h.images.PutBlob(digest, bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.%s","size":%d,"digest":%q}`, kind, len(content), digest)
	}
	layer := make([]byte, 300_000)
	rand.Read(layer)
	manifest := fmt.Sprintf(`{"schemaVersion":2,"config":%s,"layers":[%s,%s]}`, put("config.v1+json", []byte(`{}`)), put("layer.v1.tar+gzip", layer), put("layer.v1.tar+gzip", []byte("small")))
	var l build.Listing
	if err := json.Unmarshal([]byte(`{"images":[`+put("manifest.v1+json", []byte(manifest))+`]}`), &l); err != nil {
		t.Fatal(err)
	}
	if err := h.images.Adopt(l); err != nil {
		t.Fatal(err)
	}
	return l.Images[0].Digest.String()
}

// open opens the database of a house, with a key.
func (h *house) open(t *testing.T, key []byte) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{DSN: h.database(), Key: key, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// furnished is a house with an app that was pushed and released, and another one without anything.
func furnished(t *testing.T) *house {
	t.Helper()
	h := empty(t)
	h.store = h.open(t, make([]byte, 32))
	digest := h.putImage(t)
	if err := h.store.Update(t.Context(), func(tx *store.Tx) error {
		team := cloister.Team{ID: cloister.NewID(), Name: "acme", CreatedAt: now, UpdatedAt: now}
		space := cloister.Space{ID: cloister.NewID(), Name: "cellar", TeamID: team.ID, Region: "virginia", CIDR: cloister.DefaultCIDR, DataCIDR: cloister.DefaultDataCIDR, State: cloister.Allocated, CreatedAt: now, UpdatedAt: now}
		app := func(name string) cloister.App {
			return cloister.App{ID: cloister.NewID(), Name: name, SpaceID: space.ID, TeamID: team.ID, Stack: "debian-12", BuildStack: "debian-12", Label: cloister.NewLabel(),
				Config: map[string]cloister.Secret{"HUSH": cloister.Secret(hush)}, CreatedAt: now, UpdatedAt: now}
		}
		h.app = app("shop")
		user := cloister.User{ID: cloister.NewID(), Email: "ada@example.com", CreatedAt: now, UpdatedAt: now}
		slug := cloister.Slug{ID: cloister.NewID(), AppID: h.app.ID, Stack: "debian-12", ProcessTypes: map[string]string{"web": "serve"}, Image: digest, CreatedAt: now, UpdatedAt: now}
		if err := errors.Join(tx.InsertUser(user), tx.InsertTeam(team), tx.InsertSpace(space), tx.InsertApp(h.app), tx.InsertApp(app("bare")), tx.InsertSlug(slug)); err != nil {
			return err
		}
		_, err := tx.AddRelease(h.app, cloister.Release{SlugID: slug.ID, Config: h.app.Config, UserID: user.ID, UserEmail: user.Email}, "Private-S")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	h.git[h.app.ID] = "code, " + hush
	if err := os.WriteFile(filepath.Join(h.dir, "ca-key.pem"), []byte(hush), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) backUp(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	source := backup.Source{Store: h.store, Git: h.git, Images: h.images, Files: []string{filepath.Join(h.dir, "ca-key.pem")}, Scratch: t.TempDir()}
	r, err := source.Write(t.Context(), &b, backup.ByKey(key), now)
	if err != nil {
		t.Fatal(err)
	}
	if r.Apps != 2 || r.Repositories != 1 || r.Images != 1 || r.Bytes < 300_000 || !r.Made.Equal(now) {
		t.Errorf("%+v", r)
	}
	return b.Bytes()
}

func (h *house) restore(t *testing.T, from io.Reader, key []byte) (backup.Report, error) {
	t.Helper()
	return backup.Target{Database: h.database(), Git: h.git, Images: h.images, Files: h.dir, Scratch: t.TempDir()}.Restore(t.Context(), from, backup.ByKey(key))
}

// whole fails unless all of a house is here.
func (h *house) whole(t *testing.T, was *house) {
	t.Helper()
	s := h.open(t, make([]byte, 32))
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		app, err := tx.App("shop")
		if err != nil {
			return err
		}
		if app.ID != was.app.ID || app.Config["HUSH"].Reveal() != hush {
			t.Errorf("the app is %+v", app)
		}
		images, err := tx.Images()
		if err != nil {
			return err
		}
		l, err := h.images.List(images)
		if n := len(l.Blobs()); n != 4 { // a manifest, a config, two layers
			t.Errorf("the image has %d parts", n)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if got := h.git[was.app.ID]; got != was.git[was.app.ID] {
		t.Errorf("the repository has %q", got)
	}
	if b, err := os.ReadFile(filepath.Join(h.dir, "ca-key.pem")); err != nil || string(b) != hush {
		t.Errorf("the file is %q: %v", b, err)
	}
}

func TestWhatIsRestoredIsWhatWasBackedUp(t *testing.T) {
	t.Parallel()
	was, is := furnished(t), empty(t)
	b := was.backUp(t)
	if bytes.Contains(b, []byte(hush)) || bytes.Contains(b, []byte("ada@example.com")) {
		t.Error("it can be read without the key")
	}
	r, err := is.restore(t, bytes.NewReader(b), key)
	if err != nil || r.Apps != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	is.whole(t, was)
	if err := os.Remove(filepath.Join(is.dir, "ca-key.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := is.restore(t, bytes.NewReader(b), key); cloister.KindOf(err) != cloister.Conflict {
		t.Errorf("into what is there already: %v", err)
	}
	if _, err := os.Stat(filepath.Join(is.dir, "ca-key.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Error("it was refused, and yet a file was restored")
	}
}

func TestABackupIsReadWithItsKeyAlone(t *testing.T) {
	t.Parallel()
	b := furnished(t).backUp(t)
	_, err := empty(t).restore(t, bytes.NewReader(b), make([]byte, 32))
	if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), "made with another key") {
		t.Errorf("got %v", err)
	}
}

func TestAnythingButAWholeBackupIsRefused(t *testing.T) {
	t.Parallel()
	b := furnished(t).backUp(t)
	changed := func(at int) []byte {
		c := bytes.Clone(b)
		c[at] ^= 1
		return c
	}
	for name, c := range map[string][]byte{"nothing": nil, "half of it": b[:len(b)/2], "all but a byte": b[:len(b)-1], "another head": changed(30), "another middle": changed(len(b) / 2),
		"another end": changed(len(b) - 1), "more than it": append(bytes.Clone(b), 0)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := empty(t)
			if _, err := h.restore(t, bytes.NewReader(c), key); err == nil {
				t.Fatal("it was taken")
			}
			if _, err := os.Stat(h.database()); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("there is a database now: %v", err)
			}
		})
	}
}

func TestARestorationThatBrokeOffCanBeBegunAgain(t *testing.T) {
	t.Parallel()
	was, is := furnished(t), empty(t)
	b := was.backUp(t)
	broken := io.MultiReader(bytes.NewReader(b[:len(b)*9/10]), iotest.ErrReader(errors.New("the disk is gone")))
	if _, err := is.restore(t, broken, key); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Fatalf("got %v", err)
	}
	if _, err := is.restore(t, bytes.NewReader(b), key); err != nil {
		t.Fatal(err)
	}
	is.whole(t, was)
}

func TestABackupWithoutAnImageIsNone(t *testing.T) {
	t.Parallel()
	h := furnished(t)
	if _, err := h.images.Collect(nil, now.AddDate(10, 0, 0)); err != nil {
		t.Fatal(err)
	}
	source := backup.Source{Store: h.store, Git: h.git, Images: h.images, Scratch: t.TempDir()}
	if _, err := source.Write(t.Context(), io.Discard, backup.ByKey(key), now); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("got %v", err)
	}
}
