package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A workloadRecord is what a restart of this process must know of a workload. The environment is not in it: it has
// secrets, and containerd keeps what running processes need.
type workloadRecord struct {
	Workload engine.Workload
	Status   engine.Status
	Transit  netip.Addr // invalid without Port
	User     user
	Pid      uint32
	KillAt   time.Time // when a stop's grace is over; zero: not stopped
	End      *end      // how it ended, from when that is known until all is cleaned up and Status tells it
}

// An end is how a workload ended.
type end struct {
	Status int
	At     time.Time
	OOM    bool
	Peak   int64
}

// A spaceRecord is what a restart must know of a space.
type spaceRecord struct {
	Space   engine.Space
	Link    netip.Addr            // the space's own address on the machine
	At      map[string]netip.Addr // its own address on each network that is a peer
	Resting map[netip.Addr]time.Time
}

// write replaces the file at path by v as JSON, as a whole.
func write(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// read reads what write wrote. A file that is not there leaves v as it is.
func read(path string, v any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// Ids become file names and containerd's ids.
var idRule = regexp.MustCompile(`^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$`)

func validID(what, id string) error {
	if len(id) > 64 || !idRule.MatchString(id) {
		return cloister.Errorf(cloister.Invalid, "The %s id %q must be letters and digits, with single dashes, dots or underscores between them.", what, id)
	}
	return nil
}
