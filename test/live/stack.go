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
	if _, err := os.Stat(filepath.Join(stackCache(t), "index.json")); err == nil {
		copyImages(t, stackCache(t), filepath.Join(s.State, "images"))
	}
}

func (s *Server) saveStack(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(stackCache(t), "index.json")); err != nil {
		copyImages(t, filepath.Join(s.State, "images"), stackCache(t))
	}
}

// copyImages copies an image store. Blobs never change once they are there, so links will do, on the same file system.
func copyImages(t testing.TB, from, to string) {
	t.Helper()
	script := `mkdir -p "$2/blobs" && { cp -al "$1/blobs/sha256" "$2/blobs/" 2>/dev/null || cp -a "$1/blobs/sha256" "$2/blobs/"; } && cp "$1/oci-layout" "$2/" && cp "$1/index.json" "$2/"`
	if out, err := exec.Command("sh", "-c", script, "sh", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy the stack: %v\n%s", err, out)
	}
}
