package local

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cloister-dev/cloister/internal/engine"
)

// Where workloads read what their space's topology is, under both names that Heroku has for it.
const topologyAt = "/etc/heroku"

var topologyFiles = []string{"space-topology.v1.json", "space-topology.json"}

// renamed reports whether a space that is in force wants other names and nothing else. The caller holds sp.making.
func (e *Engine) renamed(sp *space) (spec engine.Space, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	was, is := sp.inForce, sp.spec
	if !sp.made || sp.stale || reflect.DeepEqual(was, is) {
		return is, false
	}
	was.Names, was.Topology = is.Names, is.Topology
	return is, reflect.DeepEqual(was, is)
}

// publish tells a space's workloads who is there: by the resolver, which is started if it does not run, and in files.
// A change takes effect as a whole.
func (e *Engine) publish(sp *space, spec engine.Space) error {
	if err := e.writeTopology(spec); err != nil {
		return err
	}
	e.mu.Lock()
	names := sp.names
	e.mu.Unlock()
	table := newNameTable(spec)
	if names != nil {
		names.table.Store(table)
	} else {
		names, err := startResolver(sp.ns, resolverOf(spec), e.Config, table, e.log.With(slog.String("space", spec.ID)))
		if err != nil {
			return err
		}
		e.mu.Lock()
		sp.names = names
		e.mu.Unlock()
	}
	sp.inForce = spec
	return nil
}

// writeTopology replaces the files in the directory that the space's workloads have mounted. They see files come into
// it, complete and all at once; the directory itself stays what it is.
func (e *Engine) writeTopology(s engine.Space) error {
	if s.Builds {
		return nil
	}
	dir := e.topologyDir(s.ID)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make directory of topology: %w", err)
	}
	for _, name := range topologyFiles {
		if err := replace(filepath.Join(dir, name), s.Topology); err != nil {
			return fmt.Errorf("write topology: %w", err)
		}
	}
	return os.Chmod(dir, 0o755)
}

// replace makes a file that everybody may read have a text, or not be there for nil.
func replace(path string, text []byte) error {
	if text == nil {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if was, err := os.ReadFile(path); err == nil && bytes.Equal(was, text) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(filepath.Dir(path)), ".new-*") // beside the directory, where nobody looks
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// topologyMount is where a workload finds the files: a dyno does, a build and a data service do not.
func (e *Engine) topologyMount(w engine.Workload) []specs.Mount {
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.Subnet != engine.Dynos || e.spaces[w.Space].spec.Builds {
		return nil
	}
	return []specs.Mount{{Destination: topologyAt, Type: "bind", Source: e.topologyDir(w.Space),
		Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"}}}
}

func (e *Engine) topologyDir(space string) string { return filepath.Join(e.Run, "topology", space) }
