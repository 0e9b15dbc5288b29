package live

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Building the stack takes a minute or two and gives the same every time, so tests share it: the image store of the
// first server that built it is kept, and copied by hard links into the state of the next.

func stackCache(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("CLOISTER_TEST_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(user, "cloister-test")
	}
	return filepath.Join(dir, "images")
}

func (s *Server) useStack(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(stackCache(t), "index.json")); err != nil {
		return // the first time
	}
	copyTree(t, stackCache(t), filepath.Join(s.State, "images"))
}

func (s *Server) saveStack(t testing.TB) {
	t.Helper()
	cache := stackCache(t)
	if _, err := os.Stat(filepath.Join(cache, "index.json")); err == nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(cache), 0o755); err != nil {
		t.Fatal(err)
	}
	copyTree(t, filepath.Join(s.State, "images"), cache)
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", "--reflink=auto", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy the stack: %v\n%s", err, out)
	}
}
