package live

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// codesOfOurs are of what only the platform itself can bring about: a slug that is damaged or lost on its disk, and a way
// to a dyno that is cut.
func (w *world) codesOfOurs(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/rogue")); err != nil {
		t.Fatal(err)
	}
	push := func(what string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "README"), []byte(what), 0o644); err != nil { // a slug that no other app has
			t.Fatal(err)
		}
		if out, err := w.pushDir(dir, "rotten-app", what); err != nil {
			t.Fatalf("push: %v\n%s", err, out)
		}
	}
	push("first")
	w.Cloister(t, "ps:wait", "--app", "rotten-app")

	w.Cloister(t, "ps:scale", "web=0", "--app", "rotten-app")
	push("damaged")
	manifest := w.newestImage(t)
	mend := damage(t, w.blob(manifest.Layers[len(manifest.Layers)-1].Digest))
	w.Cloister(t, "ps:scale", "web=1", "--app", "rotten-app")
	w.says(t, "rotten-app", `heroku\[web.1\]: Error R17 \(Checksum error\) -> Checksum does match expected value. Expected: SHA256:[0-9a-f]{64} Actual: SHA256:[0-9a-f]{64}\n(.*\n)*?.*heroku\[web.1\]: State changed from starting to crashed`)
	Eventually(t, 30*time.Second, "rotten-app has crashed", func() bool {
		return strings.Contains(w.Cloister(t, "ps", "--app", "rotten-app"), "crashed")
	})
	w.answers(t, "rotten-app", "/", 503, "Application error")
	w.says(t, "rotten-app", `heroku\[router\]: at=error code=H10 desc="App crashed"`)
	mend()
	w.Cloister(t, "ps:restart", "--app", "rotten-app")
	w.Cloister(t, "ps:wait", "--app", "rotten-app")
	w.answers(t, "rotten-app", "/", 200, "well")

	w.Cloister(t, "ps:scale", "web=0", "--app", "rotten-app")
	push("lost")
	lost := w.blob(w.newestImage(t).Config.Digest)
	if err := os.Rename(lost, lost+".away"); err != nil {
		t.Fatal(err)
	}
	w.Cloister(t, "ps:scale", "web=1", "--app", "rotten-app")
	w.says(t, "rotten-app", `heroku\[web.1\]: Error R99 \(Platform error\) -> The dyno could not be started yet: Couldn't find a part of the image: sha256:[0-9a-f]{64}`)
	if err := os.Rename(lost+".away", lost); err != nil {
		t.Fatal(err)
	}
	w.Cloister(t, "ps:wait", "--app", "rotten-app") // nobody asked for it again
	w.answers(t, "rotten-app", "/", 200, "well")

	defer w.cutDynosOff(t)()
	w.answers(t, "rotten-app", "/cut", 503, "Application error")
	w.says(t, "rotten-app", `heroku\[router\]: at=error code=H99 desc="Platform error" method=GET path="/cut".* dyno=web.1 connect= service= status=503`)
}

// newestImage is the manifest of what was built last.
func (w *world) newestImage(t *testing.T) (m v1.Manifest) {
	t.Helper()
	var index v1.IndexManifest
	read(t, filepath.Join(w.State, "images/index.json"), &index)
	read(t, w.blob(index.Manifests[len(index.Manifests)-1].Digest), &m)
	return m
}

func (w *world) blob(h v1.Hash) string {
	return filepath.Join(w.State, "images/blobs", h.Algorithm, h.Hex)
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// damage changes one bit of a file, until mend.
func damage(t *testing.T, file string) (mend func()) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flip := func() {
		text[len(text)/2] ^= 1
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	flip()
	return flip
}

// cutDynosOff makes the machine refuse to send to any web dyno, until restore.
func (w *world) cutDynosOff(t *testing.T) (restore func()) {
	t.Helper()
	route := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("ip", append([]string{"-4", "route"}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("ip route %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	dynos := netip.MustParsePrefix(transit(w.API[strings.LastIndexByte(w.API, ':')+1:]))
	var cut [][]string
	for line := range strings.Lines(route("show")) {
		f := strings.Fields(line)
		if a, err := netip.ParseAddr(f[0]); err == nil && dynos.Contains(a) {
			cut = append(cut, f)
			route("replace", "unreachable", f[0])
		}
	}
	if len(cut) == 0 {
		t.Fatal("no way leads to any dyno")
	}
	return func() {
		for _, f := range cut {
			route("del", "unreachable", f[0])
			route(append([]string{"replace"}, f...)...)
		}
	}
}
