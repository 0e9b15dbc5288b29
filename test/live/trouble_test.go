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

// TestFullDisk fills the disk that everything is kept on, while a change is under way. People are told in words,
// nothing is done by halves, and what could be taken is done by itself once there is room.
func TestFullDisk(t *testing.T) {
	d := newSmallDisk(t)
	s := Start(t, "CLOISTER_STATE="+filepath.Join(d.dir, "state"))
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.deploy(t, "tight", "tight-app")
	before := w.version(t, "tight-app")
	w.wellAgain(t)

	d.fill(t)
	w.doctorSays(t, "Free some space")
	Eventually(t, 10*time.Second, "the API speaks of the disk", func() bool {
		status, head, body := w.patch(t, "/apps/tight-app/formation/web", map[string]any{"quantity": 6})
		switch status {
		case http.StatusOK: // taken: a database has room of its own for a while
			return strings.Contains(head.Get("Warning-Message"), "disk of the server is full")
		case http.StatusServiceUnavailable:
			return strings.Contains(body, "disk of the server is full")
		}
		t.Fatalf("scaling with a full disk: %d %s", status, body)
		return false
	})
	out, err := w.tryPush(t, "tight-app", "second")
	if err == nil || !strings.Contains(out, "The disk of the server is full") || strings.Contains(out, "unpack failed") {
		t.Errorf("a push to a full disk: %v\n%s", err, out)
	}
	if got := w.get(t, "tight-app", "/"); !strings.HasPrefix(got, "tight-app") {
		t.Errorf("while the disk is full the app answers %q", got)
	}
	if v := w.version(t, "tight-app"); v != before {
		t.Errorf("there is a release v%d after a push that failed", v)
	}
	w.Kill(t, "node") // what it wrote last has to be whole
	w.doctorSays(t, "Free some space")

	d.drain(t)
	w.wellAgain(t)
	w.Cloister(t, "ps:scale", "web=3", "--app", "tight-app")
	w.Cloister(t, "config:set", "COLOUR=green", "--app", "tight-app")
	w.settled(t, "tight-app", 3, before+1)
	w.push(t, "tight-app", "third")
	w.settled(t, "tight-app", 3, before+2)
}

// A smallDisk is a file system of its own, which the test can fill.
type smallDisk struct{ dir string }

func newSmallDisk(t *testing.T) *smallDisk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: a file system of its own needs root")
	}
	dir, err := os.MkdirTemp("/var/tmp", "cloister-disk-")
	if err != nil {
		t.Fatal(err)
	}
	d := &smallDisk{dir: filepath.Join(dir, "mnt")}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", d.dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
			return
		}
		os.RemoveAll(dir)
	})
	script := `chmod 755 "$1" && mkdir "$1/mnt" && truncate -s 8G "$1/img" && mkfs.ext4 -q -m 0 "$1/img" && mount -o loop "$1/img" "$1/mnt"`
	if out, err := exec.Command("sh", "-c", script, "sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("make a small disk: %v\n%s", err, out)
	}
	return d
}

func (d *smallDisk) file() string { return filepath.Join(d.dir, "filling") }

// fill takes all room there is, to the last block.
func (d *smallDisk) fill(t *testing.T) {
	t.Helper()
	f, err := os.Create(d.file())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var have int64
	for size := int64(1 << 30); size >= 4096; {
		switch err := syscall.Fallocate(int(f.Fd()), 0, have, size); err {
		case nil:
			have += size
		case syscall.ENOSPC:
			size /= 2
		case syscall.EINTR:
		default:
			t.Fatal(err)
		}
	}
}

func (d *smallDisk) drain(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.file()); err != nil {
		t.Fatal(err)
	}
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
