package local

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cloister-dev/cloister"
)

// installInit copies the binary that calls inside.Main to where workloads get it from; "" stands for this one. A
// copy, because an upgrade replaces the original under running workloads; named by content, because the next version
// needs its own.
func installInit(dir, binary string) (string, error) {
	if binary == "" {
		binary = "/proc/self/exe"
	}
	self, err := os.Open(binary)
	if err != nil {
		return "", fmt.Errorf("open own binary: %w", err)
	}
	defer self.Close()
	if err := static(self); err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, self); err != nil {
		return "", fmt.Errorf("read own binary: %w", err)
	}
	path := filepath.Join(dir, "init-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if _, err := self.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("read own binary: %w", err)
	}
	out, err := os.CreateTemp(dir, "init-*.new")
	if err != nil {
		return "", fmt.Errorf("copy own binary: %w", err)
	}
	defer os.Remove(out.Name())
	_, err = io.Copy(out, self)
	err = errors.Join(err, out.Chmod(0o555), out.Close())
	if err == nil {
		err = os.Rename(out.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("copy own binary: %w", err)
	}
	return path, nil
}

// static refuses a binary that needs libraries: a workload has others, or none.
func static(f io.ReaderAt) error {
	b, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("read own binary: %w", err)
	}
	for _, p := range b.Progs {
		if p.Type == elf.PT_INTERP {
			return cloister.Errorf(cloister.Unsupported, "The binary is linked dynamically and cannot run in containers. Build it with CGO_ENABLED=0.")
		}
	}
	return nil
}
