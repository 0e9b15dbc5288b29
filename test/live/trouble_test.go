package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestTrouble takes away what a server stands on, while it runs. It has to say so in words, do nothing by halves, and
// go on by itself when the trouble is over.
func TestTrouble(t *testing.T) {
	ctd := newContainerd(t)
	s := Start(t, "PATH="+ctd.dir+":"+os.Getenv("PATH"))
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.deploy(t, "shaky", "shaky-app")
	w.wellAgain(t)
	t.Run("containerd is killed", func(t *testing.T) { w.containerdIsKilled(t, ctd) })
}

func (w *world) containerdIsKilled(t *testing.T, r *containerd) {
	r.hold(t)
	defer os.Remove(r.file())
	text, err := os.ReadFile(filepath.Join(w.Run, "containerd", "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.doctorSays(t, "the container runtime does not answer")
	// What people want is taken, and they are told that it has to wait.
	Eventually(t, 10*time.Second, "the API warns of a dead containerd", func() bool {
		status, head, body := w.patch(t, "/apps/shaky-app/formation/web", map[string]any{"quantity": 5})
		if status != http.StatusOK {
			t.Fatalf("scaling while containerd is dead: %d %s", status, body)
		}
		return strings.Contains(head.Get("Warning-Message"), "nothing can be started or stopped")
	})
	if got := w.get(t, "shaky-app", "/"); !strings.HasPrefix(got, "shaky-app") {
		t.Errorf("while containerd is dead the app answers %q", got)
	}
	r.release(t)
	w.settled(t, "shaky-app", 5, w.version(t, "shaky-app"))
	w.Cloister(t, "ps:scale", "web=3", "--app", "shaky-app")
	w.settled(t, "shaky-app", 3, w.version(t, "shaky-app"))
	w.wellAgain(t)
}

func (w *world) doctor() (string, bool) {
	cmd := exec.Command(w.Binary, "doctor")
	cmd.Env = w.Env
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func (w *world) doctorSays(t *testing.T, what string) {
	t.Helper()
	var said string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		content := false
		if said, content = w.doctor(); !content && strings.Contains(said, what) {
			return
		}
	}
	t.Errorf("doctor does not say %q with a status of its own, but:\n%s", what, said)
}

func (w *world) wellAgain(t *testing.T) {
	t.Helper()
	var said string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		content := false
		if said, content = w.doctor(); content {
			return
		}
	}
	t.Fatalf("doctor is not content:\n%s", said)
}

// patch changes something by the API, and tells the answer whatever it is.
func (w *world) patch(t *testing.T, path string, in any) (int, http.Header, string) {
	t.Helper()
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, w.API+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Token)
	req.Header.Set("Accept", "application/vnd.heroku+json; version=3")
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, body.String()
}

// A containerd is one that can be kept from starting, as one that has lost something it needs.
type containerd struct{ dir string }

func newContainerd(t *testing.T) *containerd {
	t.Helper()
	real, err := exec.LookPath("containerd")
	if err != nil {
		t.Skip("SKIPPED: containerd is not installed")
	}
	r := &containerd{dir: t.TempDir()}
	script := fmt.Sprintf("#!/bin/sh\nwhile [ -e %s ]; do sleep 0.1; done\nexec %s \"$@\"\n", r.file(), real)
	if err := os.WriteFile(filepath.Join(r.dir, "containerd"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *containerd) file() string { return filepath.Join(r.dir, "hold") }

func (r *containerd) hold(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(r.file(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *containerd) release(t *testing.T) {
	t.Helper()
	if err := os.Remove(r.file()); err != nil {
		t.Fatal(err)
	}
}
