package build

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cloister-dev/cloister"
)

// testCache is a directory that outlives a run of the tests: making a stack takes a minute or two.
func testCache(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CLOISTER_TEST_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("SKIPPED: there is no place to keep a stack: %v", err)
		}
		dir = filepath.Join(base, "cloister-test")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

var sharedStack struct {
	once  sync.Once
	store *Store
	stack cloister.Stack
	err   error
}

// realStack is the stack debian-12, made once, and the store it is in.
func realStack(t *testing.T) (*Store, cloister.Stack) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: a stack is made by root")
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		t.Skip("SKIPPED: mmdebstrap is not installed")
	}
	s := &sharedStack
	s.once.Do(func() {
		note := filepath.Join(testCache(t), "stack.json")
		if s.store, s.err = OpenStore(filepath.Join(testCache(t), "images")); s.err != nil {
			return
		}
		if raw, err := os.ReadFile(note); err == nil && json.Unmarshal(raw, &s.stack) == nil {
			if _, err := s.store.Image(s.stack.BuildImage); err == nil {
				return
			}
		}
		if s.stack, s.err = BuildStack(t.Context(), s.store, "debian-12", os.Stderr); s.err != nil {
			return
		}
		raw, err := json.Marshal(s.stack)
		if s.err = err; err == nil {
			s.err = os.WriteFile(note, raw, 0o644)
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.store, s.stack
}
