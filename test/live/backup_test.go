package live

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// backedUpAndRestored has the installation backed up while it runs, lost but for its key, and restored: it answers as
// before, its apps run, and pushes go on.
func (w *world) backedUpAndRestored(t *testing.T) {
	const hush = "a-secret-that-nobody-may-find"
	w.Cloister(t, "config:set", "HUSH="+hush, "--app", "north-app")
	w.Cloister(t, "ps:wait", "--app", "north-app")
	w.Cloister(t, "drains:add", "https://user:"+hush+"@logs.example.com/", "--app", "north-app")
	w.SetPassword(t, w.Email, hush)
	file := filepath.Join(t.TempDir(), "backup")
	w.Cloister(t, "backup", file)
	before := w.answersOfTheAPI(t)

	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{hush, w.Token, "north-app", w.Email} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("the backup has %q in it", secret)
		}
	}
	w.Down(t)
	lost := w.State + ".lost"
	if err := os.Rename(w.State, lost); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(lost)
	key := filepath.Join(lost, "control", "key")
	w.Cloister(t, "backup:verify", "--key", key, file)
	w.Cloister(t, "restore", "--key", key, file)
	w.Up(t)
	for path, was := range before {
		if is := w.body(t, path); is != was {
			t.Errorf("%s:\nwas %s\nis  %s", path, was, is)
		}
	}
	for _, app := range []string{"north-app", "south-app"} {
		w.settled(t, app, 4, w.version(t, app))
		if got := w.get(t, app, "/"); !strings.HasPrefix(got, app) {
			t.Errorf("%s answers %q", app, got)
		}
	}
	dir := filepath.Join(t.TempDir(), "clone")
	clone := exec.CommandContext(t.Context(), "sh", "-c", `eval "$("$1" env)" && "$1" git:clone --app north-app "$2"`, "sh", w.Binary, dir)
	clone.Env = w.Env
	if out, err := clone.CombinedOutput(); err != nil {
		t.Fatalf("clone: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "after"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := w.pushDir(dir, "north-app", "after the restoration"); err != nil {
		t.Fatalf("push: %v\n%s", err, out)
	}
	w.settled(t, "north-app", 4, w.version(t, "north-app"))
}

// keyReplaced: the installation gets another key while it runs, and nobody notices. What was backed up before needs the old one.
func (w *world) keyReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backup")
	w.Cloister(t, "backup", file)
	before := w.answersOfTheAPI(t)
	delete(before, "/audit") // which has it
	w.Cloister(t, "key:rotate")
	for path, was := range before {
		if is := w.body(t, path); is != was {
			t.Errorf("%s:\nwas %s\nis  %s", path, was, is)
		}
	}
	key := filepath.Join(w.State, "control", "key")
	old, err := filepath.Glob(key + ".2*")
	if err != nil || len(old) != 1 {
		t.Fatalf("old keys: %v, %v", old, err)
	}
	w.Cloister(t, "backup:verify", "--key", old[0], file)
	verify := exec.CommandContext(t.Context(), w.Binary, "backup:verify", "--key", key, file)
	verify.Env = w.Env
	if out, err := verify.CombinedOutput(); err == nil {
		t.Errorf("the new key opens what was backed up before: %s", out)
	}
	w.Cloister(t, "config:set", "AFTER=1", "--app", "north-app")
	w.settled(t, "north-app", 4, w.version(t, "north-app"))
	w.Cloister(t, "audit", "--verify")
}

// answersOfTheAPI is what the API says of all that people have made.
func (w *world) answersOfTheAPI(t *testing.T) map[string]string {
	out := map[string]string{}
	for _, path := range []string{"/account", "/teams", "/teams/my-team/members", "/spaces", "/apps", "/stacks", "/audit"} {
		out[path] = ""
	}
	for _, space := range []string{"north", "south"} {
		for _, path := range []string{"", "/nat", "/inbound-ruleset", "/outbound-ruleset", "/members", "/limits"} {
			out["/spaces/"+space+path] = ""
		}
		for _, path := range []string{"", "/config-vars", "/releases", "/formation", "/domains", "/collaborators", "/log-drains", "/features"} {
			out["/apps/"+space+"-app"+path] = ""
		}
	}
	for path := range out {
		out[path] = w.body(t, path)
	}
	return out
}

// body is what the API answers.
func (w *world) body(t *testing.T, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.API+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.Token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode > 299 {
		t.Fatalf("%s: %s: %s (%v)", path, res.Status, b, err)
	}
	return string(b)
}
