package server

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/api"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// A slugYard is an API with an app, whose slugs are uploaded to it.
type slugYard struct {
	*heroku.Client
	store  *store.Store
	images *build.Store
	app    cloister.App
}

const mostSlug = 1 << 20

func newSlugYard(t *testing.T) *slugYard {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	y := &slugYard{store: memory(t)}
	var err error
	if y.images, err = build.OpenStore(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	base, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	run, err := y.images.Put(t.Context(), base, "run")
	if err != nil {
		t.Fatal(err)
	}
	p := platform.New(y.store, platform.Config{AppDomain: "apps.localhost"}, quiet)
	ada, err := p.SetUp(t.Context(), platform.Setup{Email: "ada@example.com", Password: "correct horse", Team: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := p.CreateAuthorization(t.Context(), ada, "test", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := y.store.Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutStack(cloister.Stack{Name: "debian-12", RunImage: run, BuildImage: run, Default: true, CreatedAt: tx.Now})
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateSpace(t.Context(), ada, platform.SpaceSpec{Name: "cellar", Team: "acme"}); err != nil {
		t.Fatal(err)
	}
	app, err := p.CreateApp(t.Context(), ada, platform.AppSpec{Name: "hello", Space: "cellar"})
	if err != nil {
		t.Fatal(err)
	}
	y.app = app.App
	builder := build.New(fake.New(fake.Config{}), y.images, build.Config{MaxSlug: mostSlug}, quiet)
	s := &slugs{importer: control.NewBuilds(y.store, builder, control.BuildConfig{}, quiet), key: []byte("key"), max: 2 * mostSlug, log: quiet}
	server := httptest.NewServer(&front{slugs: s, api: api.New(api.Config{}, p, api.Beside{Slugs: s}, quiet)})
	t.Cleanup(server.Close)
	y.Client = &heroku.Client{URL: server.URL, Token: token.Reveal()}
	return y
}

// create makes a slug by the API.
func (y *slugYard) create(t *testing.T, checksum string) heroku.Slug {
	t.Helper()
	in := heroku.SlugCreateOpts{ProcessTypes: heroku.Map{"web": "bin/web"}}
	if checksum != "" {
		in.Checksum = &checksum
	}
	s, err := y.CreateSlug(t.Context(), "hello", in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// upload sends an archive as people do, by the method and to the address that they were told, without a token.
func (y *slugYard) upload(t *testing.T, b heroku.Blob, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), b.Method, b.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(text))
}

func tgz(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range entries {
		h.Mode = 0o755
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, zeros{}, h.Size); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func sha(b []byte) string { return fmt.Sprintf("SHA256:%x", sha256.Sum256(b)) }

func TestSlugThatWasBuiltElsewhereIsReleased(t *testing.T) {
	y := newSlugYard(t)
	archive := tgz(t, tar.Header{Name: "./app/bin/web", Typeflag: tar.TypeReg, Size: 100})
	for name, told := range map[string]string{"with a checksum": sha(archive), "without one": ""} {
		s := y.create(t, told)
		if status, text := y.upload(t, s.Blob, bytes.NewReader(archive)); status != http.StatusOK || text != "" {
			t.Fatalf("%s: %d %s", name, status, text)
		}
		r, err := y.CreateRelease(t.Context(), "hello", heroku.ReleaseCreateOpts{Slug: heroku.Ref(s.ID)})
		if err != nil || r.Slug == nil || r.Slug.ID != s.ID || r.Status != "succeeded" {
			t.Fatalf("%s: %+v %v", name, r, err)
		}
		got, err := y.Slug(t.Context(), "hello", s.ID)
		if err != nil || got.Checksum == nil || *got.Checksum != sha(archive) || got.Size == nil || *got.Size == 0 {
			t.Errorf("%s: the slug is %+v %v", name, got, err)
		}
		row := y.row(t, s.ID)
		img, err := y.images.Image(row.Image)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(img); err != nil {
			t.Error(err)
		}
		// What may be running does not change any more.
		if status, text := y.upload(t, s.Blob, bytes.NewReader(archive)); status != http.StatusConflict || !strings.Contains(text, "uploaded already") {
			t.Errorf("%s, again: %d %s", name, status, text)
		}
	}
}

func (y *slugYard) row(t *testing.T, id string) (s cloister.Slug) {
	t.Helper()
	if err := y.store.View(t.Context(), func(tx *store.Tx) (err error) {
		s, err = tx.Slug(y.app.ID, id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBadSlugsAreRefused(t *testing.T) {
	y := newSlugYard(t)
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 1} }
	link := func(typ byte, name, to string) tar.Header { return tar.Header{Name: name, Typeflag: typ, Linkname: to} }
	good := tgz(t, file("app/a"))
	noise := make([]byte, mostSlug+1000)
	for i := range noise {
		noise[i] = byte(i * i * i >> 7)
	}
	large := make([]byte, 2*mostSlug+1)
	for name, c := range map[string]struct {
		body     []byte
		checksum string
		status   int
		says     string
	}{
		"nothing":             {nil, "", 422, "The archive is empty"},
		"no archive":          {[]byte("hello, world, this is no archive"), "", 422, "damaged, or not a tar file"},
		"a zip":               {[]byte("PK\x03\x04 and more of it"), "", 422, "zip"},
		"cut short":           {good[:len(good)-9], "", 422, "damaged"},
		"no files":            {tgz(t), "", 422, "no files"},
		"dots":                {tgz(t, file("app/../../etc/passwd")), "", 422, `leads outside by ".."`},
		"absolute":            {tgz(t, file("/app/a")), "", 422, "has an absolute path"},
		"beside app":          {tgz(t, file("etc/passwd")), "", 422, "is not below ./app"},
		"hard link out":       {tgz(t, link(tar.TypeLink, "app/a", "../etc/shadow")), "", 422, "hard link that leads outside"},
		"beneath a link":      {tgz(t, link(tar.TypeSymlink, "app/a", "/etc"), file("app/a/passwd")), "", 422, "beneath the symbolic link"},
		"a device":            {tgz(t, tar.Header{Name: "app/a", Typeflag: tar.TypeChar, Devmajor: 1}), "", 422, "device"},
		"a pipe":              {tgz(t, tar.Header{Name: "app/a", Typeflag: tar.TypeFifo}), "", 422, "pipe"},
		"unpacks to much":     {tgz(t, tar.Header{Name: "app/a", Typeflag: tar.TypeReg, Size: 8*mostSlug + 1}), "", 422, "which is the limit"},
		"too large":           {large, "", 413, "may have at most 2 MB"},
		"another checksum":    {good, sha([]byte("other")), 422, "does not match its checksum"},
		"more behind its end": {append(bytes.Clone(good), 'x'), sha(good), 422, ""},
	} {
		s := y.create(t, c.checksum)
		status, text := y.upload(t, s.Blob, bytes.NewReader(c.body))
		if status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d %q, want %d and %q", name, status, text, c.status, c.says)
		}
		if row := y.row(t, s.ID); row.Image != "" {
			t.Errorf("%s: it was taken all the same", name)
		}
		// It can be put right.
		if c.checksum == "" {
			if status, text := y.upload(t, s.Blob, bytes.NewReader(good)); status != http.StatusOK {
				t.Errorf("after %s: %d %s", name, status, text)
			}
		}
	}
	// Of a length that nobody was told, it is found out on the way.
	s := y.create(t, "")
	endless := struct{ io.Reader }{io.MultiReader(bytes.NewReader(good), io.LimitReader(zeros{}, 3*mostSlug))}
	if status, text := y.upload(t, s.Blob, endless); status == http.StatusOK {
		t.Errorf("an endless upload: %d %s", status, text)
	}
}

func TestOnlyTheAddressOfASlugTakesAnUpload(t *testing.T) {
	y := newSlugYard(t)
	good := tgz(t, tar.Header{Name: "app/a", Typeflag: tar.TypeReg, Size: 1})
	one, two := y.create(t, ""), y.create(t, "")
	secret := one.Blob.URL[strings.LastIndex(one.Blob.URL, "/"):]
	for name, b := range map[string]heroku.Blob{
		"no secret":            {Method: "PUT", URL: strings.TrimSuffix(one.Blob.URL, secret)},
		"another's secret":     {Method: "PUT", URL: two.Blob.URL[:strings.LastIndex(two.Blob.URL, "/")] + secret},
		"more behind it":       {Method: "PUT", URL: one.Blob.URL + "/x"},
		"another slug's place": {Method: "PUT", URL: strings.Replace(one.Blob.URL, one.ID, two.ID, 1)},
	} {
		if status, text := y.upload(t, b, bytes.NewReader(good)); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		if status, _ := y.upload(t, heroku.Blob{Method: method, URL: one.Blob.URL}, nil); status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, status)
		}
	}
	if _, err := y.CreateRelease(context.Background(), "hello", heroku.ReleaseCreateOpts{Slug: heroku.Ref(one.ID)}); err == nil {
		t.Error("a slug without an archive was released")
	}
}
