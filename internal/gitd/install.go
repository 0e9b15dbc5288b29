package gitd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// hooks is the directory in which git looks for hooks, of all repositories.
func (h *Handler) hooks() string { return filepath.Join(h.config.Dir, "hooks") }

// installHook makes the binary git's pre-receive hook. Git wants a file of that name; all it does is to name the
// binary. It is written anew at each start, since the binary may have moved.
func (h *Handler) installHook() error {
	if err := os.MkdirAll(h.hooks(), 0o700); err != nil {
		return fmt.Errorf("install hook: %w", err)
	}
	quoted := "'" + strings.ReplaceAll(h.config.Hook, "'", `'\''`) + "'"
	fresh := filepath.Join(h.hooks(), "new")
	if err := os.WriteFile(fresh, []byte("#!/bin/sh\nexec "+quoted+" hook pre-receive\n"), 0o700); err != nil {
		return fmt.Errorf("install hook: %w", err)
	}
	if err := os.Rename(fresh, filepath.Join(h.hooks(), "pre-receive")); err != nil {
		return fmt.Errorf("install hook: %w", err)
	}
	return nil
}
