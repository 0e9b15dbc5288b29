package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

const (
	defaultVolume = 1 << 30
	minVolume     = 8 << 20 // less has no room for a file system
)

// A volumeStore keeps volumes: disks that outlive workloads. One workload uses a volume at a time, since what is in
// it is a file system's or a database's own business.
type volumeStore struct {
	dir string

	mu    sync.Mutex
	users map[string]string // volume → workload
}

func newVolumeStore(dir string) *volumeStore {
	return &volumeStore{dir: dir, users: map[string]string{}}
}

func (s *volumeStore) disk(id string) disk {
	return disk{filepath.Join(s.dir, id, "disk.img"), filepath.Join(s.dir, id, "mnt")}
}

// claim gives volumes to a workload, all or none.
func (s *volumeStore) claim(workload string, volumes []engine.Volume) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range volumes {
		if u := s.users[v.ID]; u != "" && u != workload {
			return cloister.Errorf(cloister.Conflict, "Volume %s is in use by another workload.", v.ID)
		}
	}
	for _, v := range volumes {
		s.users[v.ID] = workload
	}
	return nil
}

// mount mounts a claimed volume and makes it first if need be. It returns where.
func (s *volumeStore) mount(ctx context.Context, v engine.Volume, u user) (string, error) {
	d := s.disk(v.ID)
	size := v.Size
	if size <= 0 {
		size = defaultVolume
	}
	size = max(size, minVolume)
	if err := os.MkdirAll(filepath.Dir(d.file), 0o700); err != nil {
		return "", fmt.Errorf("make volume: %w", err)
	}
	if _, err := os.Stat(d.file); errors.Is(err, os.ErrNotExist) {
		if err := d.format(ctx, size, u.UID, u.GID, true); err != nil {
			return "", err
		}
	}
	if err := d.grow(ctx, size); err != nil {
		return "", err
	}
	if err := d.mount(); err != nil {
		return "", err
	}
	os.Remove(filepath.Join(d.at, "lost+found")) // databases want an empty directory; a repair makes it again
	if err := os.Chown(d.at, int(u.UID), int(u.GID)); err != nil {
		return "", fmt.Errorf("give volume away: %w", err)
	}
	return d.at, nil
}

// release takes the volumes of a workload back and unmounts them.
func (s *volumeStore) release(workload string, volumes []engine.Volume) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs error
	for _, v := range volumes {
		if s.users[v.ID] != workload {
			continue
		}
		if err := s.disk(v.ID).unmount(); err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		delete(s.users, v.ID)
	}
	return errs
}

// DropVolume deletes a volume that no workload uses.
func (e *Engine) DropVolume(_ context.Context, id string) error {
	if err := validID("volume", id); err != nil {
		return err
	}
	s := e.volumes
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[id] != "" {
		return cloister.Errorf(cloister.Conflict, "The volume is in use. Stop what uses it first.")
	}
	if err := s.disk(id).unmount(); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(s.dir, id)); err != nil {
		return e.explain(fmt.Errorf("delete volume: %w", err))
	}
	return nil
}

func checkVolumes(volumes []engine.Volume) error {
	for _, v := range volumes {
		if err := validID("volume", v.ID); err != nil {
			return err
		}
		top, _, _ := strings.Cut(strings.TrimPrefix(v.Path, "/"), "/")
		if !path.IsAbs(v.Path) || path.Clean(v.Path) != v.Path || top == "" || top == "proc" || top == "sys" || top == "dev" {
			return cloister.Errorf(cloister.Invalid, "A volume cannot be mounted at %q.", v.Path)
		}
	}
	return nil
}
