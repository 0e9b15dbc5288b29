package gitd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cloister-dev/cloister"
)

// A repository is the path of a bare repository.
type repository string

// attributes makes an archive the same as a checkout: what a .gitattributes file says about archives does not apply
// to deploys. Git gives this file precedence over all others.
const attributes = "* -export-ignore -export-subst\n"

// open finds an app's repository, and makes it when it is the first time.
func (h *Handler) open(ctx context.Context, appID string) (repository, error) {
	if !cloister.IsID(appID) {
		return "", fmt.Errorf("open repository: bad app id %q", appID)
	}
	repo := h.path(appID)
	if _, err := os.Stat(string(repo)); err == nil {
		return repo, nil
	}
	fresh, err := os.MkdirTemp(h.config.Dir, "new-")
	if err != nil {
		return "", fmt.Errorf("make repository: %w", err)
	}
	defer os.RemoveAll(fresh)
	if _, err := h.command(ctx, "", "init", "--quiet", "--bare", "--template=", "--initial-branch=main", fresh).output(); err != nil {
		return "", fmt.Errorf("make repository: %w", err)
	}
	info := filepath.Join(fresh, "info")
	if err := os.MkdirAll(info, 0o700); err != nil {
		return "", fmt.Errorf("make repository: %w", err)
	}
	if err := os.WriteFile(filepath.Join(info, "attributes"), []byte(attributes), 0o600); err != nil {
		return "", fmt.Errorf("make repository: %w", err)
	}
	if err := os.Rename(fresh, string(repo)); err != nil {
		if _, err2 := os.Stat(string(repo)); err2 == nil {
			return repo, nil // somebody else made it just now
		}
		return "", fmt.Errorf("make repository: %w", err)
	}
	return repo, nil
}

func (h *Handler) path(appID string) repository {
	return repository(filepath.Join(h.config.Dir, strings.ToLower(appID)+".git"))
}

// Delete removes the repository of an app that is gone. It may be repeated.
func (h *Handler) Delete(appID string) error {
	if !cloister.IsID(appID) {
		return fmt.Errorf("delete repository: bad app id %q", appID)
	}
	if err := os.RemoveAll(string(h.path(appID))); err != nil {
		return fmt.Errorf("delete repository: %w", err)
	}
	return nil
}

// size is how many bytes a repository has on disk. Files that come and go meanwhile may count or not.
func (r repository) size() (n int64, err error) {
	err = filepath.WalkDir(string(r), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				n += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measure repository: %w", err)
	}
	return n, nil
}

// tip is the commit of a ref, or zero when there is none.
func (h *Handler) tip(ctx context.Context, repo repository, ref string) (string, error) {
	out, err := h.command(ctx, repo, "for-each-ref", "--format=%(objectname)", "--count=1", "--", ref).output()
	if err != nil {
		return "", fmt.Errorf("read %s: %w", ref, err)
	}
	if out == "" {
		return zero, nil
	}
	return out, nil
}

// head is the branch that a clone checks out.
func (h *Handler) head(ctx context.Context, repo repository) (string, error) {
	out, err := h.command(ctx, repo, "symbolic-ref", "HEAD").output()
	if err != nil {
		return "", fmt.Errorf("read HEAD: %w", err)
	}
	return out, nil
}

// name is how logs speak of a repository.
func (r repository) name() string { return filepath.Base(string(r)) }
