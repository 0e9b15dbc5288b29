package gitd

import (
	"archive/tar"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/google/go-cmp/cmp"
)

// The test binary is the hook, as cloister is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "hook" {
		os.Exit(RunHook(context.Background(), os.Args[2:], os.Stdin, os.Stdout, os.Environ()))
	}
	os.Exit(m.Run())
}

// A platform knows two apps and three people, and builds what the test tells it to.
type platform struct {
	mu     sync.Mutex
	apps   map[string]cloister.App
	built  []built
	size   int64
	start  func(Push) error
	wait   func(ctx context.Context, out io.Writer) (Outcome, error)
	waited int
}

type built struct {
	Commit, Message string
	Files           map[string]string
	Submodules      []cloister.Submodule
}

func (p *platform) Authenticate(_ context.Context, _ string, token cloister.Secret) (cloister.Actor, error) {
	switch token.Reveal() {
	case "owner", "viewer":
		return cloister.Actor{User: cloister.User{Email: token.Reveal() + "@example.com"}}, nil
	}
	return cloister.Actor{}, cloister.Errorf(cloister.Unauthorized, "Invalid credentials provided.")
}

func (p *platform) Repository(_ context.Context, a cloister.Actor, name string, write bool) (cloister.App, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	app, ok := p.apps[name]
	if !ok {
		return app, cloister.Missing("app")
	}
	if write && a.User.Email != "owner@example.com" {
		return app, cloister.Errorf(cloister.Forbidden, "You do not have access to deploy to the app %s.", name)
	}
	return app, nil
}

func (p *platform) StartBuild(_ context.Context, _ cloister.Actor, appID string, in Push) (string, error) {
	files, err := untar(in.Source)
	if err != nil {
		return "", fmt.Errorf("keep source: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.built = append(p.built, built{in.Commit, in.Message, files, in.Submodules})
	if p.start != nil {
		return "", p.start(in)
	}
	return fmt.Sprint(len(p.built)), nil
}

func untar(r io.Reader) (map[string]string, error) {
	files := map[string]string{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, r)
			return files, err
		}
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg {
			files[h.Name] = string(b)
		}
	}
}

func (p *platform) WaitBuild(ctx context.Context, _ cloister.Actor, _, id string, out io.Writer) (Outcome, error) {
	p.mu.Lock()
	wait := p.wait
	p.waited++
	p.mu.Unlock()
	if wait != nil {
		return wait(ctx, out)
	}
	io.WriteString(out, "-----> Building on the Debian-12 stack\n\x1b[31mred\x1b[0m\r\n-----> Launching...\n       Released v6\n\n")
	return Outcome{Succeeded: true}, nil
}

func (p *platform) WaitRelease(ctx context.Context, _ cloister.Actor, _, release string, out io.Writer) (bool, error) {
	io.WriteString(out, "migrating\x1b[31m\n")
	return release == "good", nil
}

func (p *platform) Pushed(_ context.Context, _ cloister.Actor, _ string, size int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size = size
	return nil
}

func (p *platform) builds() []built {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]built(nil), p.built...)
}

// A world is a server, a platform behind it, and a person with git.
type world struct {
	t        *testing.T
	platform *platform
	handler  *Handler
	server   *httptest.Server
	dir      string // of the person
	ca       string
	h2       bool
}

const shopID = "01234567-89ab-4cde-8f01-23456789abcd"

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	return newWorldBehind(t, 0, change...)
}

// newWorldBehind is a world whose server has short deadlines of its own, unless zero.
func newWorldBehind(t *testing.T, deadline time.Duration, change ...func(*Config)) *world {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	w := &world{t: t, dir: t.TempDir(), platform: &platform{apps: map[string]cloister.App{
		"shop": {ID: shopID, Name: "shop"},
		"blog": {ID: cloister.NewID(), Name: "blog"},
	}}}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := os.MkdirTemp("", "gitd") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	c := Config{Dir: t.TempDir(), Hook: binary, Sockets: sockets}
	for _, f := range change {
		f(&c)
	}
	w.handler, err = New(c, w.platform, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewUnstartedServer(w.handler)
	w.server.EnableHTTP2 = true
	w.server.Config.ReadTimeout, w.server.Config.WriteTimeout = deadline, deadline
	w.server.Config.ErrorLog = log.New(io.Discard, "", 0) // of git clients that hang up
	w.server.StartTLS()
	t.Cleanup(func() {
		w.server.Close()
		w.handler.Close()
		if left, _ := filepath.Glob(filepath.Join(sockets, "*")); len(left) > 0 {
			t.Errorf("sockets are left: %v", left)
		}
	})
	w.ca = filepath.Join(w.dir, "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.server.Certificate().Raw})
	if err := os.WriteFile(w.ca, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	w.git("init", "-q", "-b", "main")
	return w
}

// url is the address of a repository, for somebody with a token; "" for nobody.
func (w *world) url(token, path string) string {
	if token != "" {
		token = "heroku:" + token + "@"
	}
	return strings.Replace(w.server.URL, "https://", "https://"+token, 1) + "/" + path
}

func (w *world) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "git", args...)
	c.Dir = w.dir
	version := "HTTP/1.1"
	if w.h2 {
		version = "HTTP/2"
	}
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_SSL_CAINFO=" + w.ca,
		"GIT_TERMINAL_PROMPT=0", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a",
		"GIT_COMMITTER_EMAIL=a@example.com", "GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=http.version",
		"GIT_CONFIG_VALUE_0=" + version, "GIT_CONFIG_KEY_1=protocol.file.allow", "GIT_CONFIG_VALUE_1=always"}
	return c
}

// try runs git as the person does and returns all it says.
func (w *world) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	out, err := w.command(ctx, args...).CombinedOutput()
	return string(out), err
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(out)
}

// fails runs git, which must fail, and say all of the texts.
func (w *world) fails(says []string, args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err == nil {
		w.t.Fatalf("git %v succeeded:\n%s", args, out)
	}
	w.says(out, says...)
	return out
}

func (w *world) says(out string, texts ...string) {
	w.t.Helper()
	for _, s := range texts {
		if !strings.Contains(out, s) {
			w.t.Errorf("%q is missing in:\n%s", s, out)
		}
	}
}

// commit writes files, commits them and returns the commit.
func (w *world) commit(files map[string]string) string {
	w.t.Helper()
	for name, text := range files {
		path := filepath.Join(w.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
		w.git("add", "-f", name)
	}
	w.git("commit", "-q", "--allow-empty", "-m", fmt.Sprintf("change %d files\n\nand more", len(files)))
	return w.git("rev-parse", "HEAD")
}

// ref is what the server's repository has.
func (w *world) ref(name string) string {
	out, err := exec.Command("git", "--git-dir", string(w.handler.path(shopID)), "rev-parse", "-q", "--verify", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to pass that %s", what)
		}
	}
}

var errFull = errors.New("disk is full")
