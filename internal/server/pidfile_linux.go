package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A pidFile says which process is the server, and is locked for as long as it lives: there is one at most, and what a
// dead one wrote is not believed.
type pidFile string

func (c Config) pidFile() pidFile { return pidFile(filepath.Join(c.Run, "server.pid")) }

// lock writes our process id into the file, which stays locked until unlock.
func (p pidFile) lock() (*os.File, error) {
	for {
		f, err := os.OpenFile(string(p), os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			f.Close()
			return nil, fmt.Errorf("a server runs already on this machine with the run directory %s", filepath.Dir(string(p)))
		}
		if !p.is(f) { // the server before us has just removed what we opened
			f.Close()
			continue
		}
		f.Truncate(0)
		fmt.Fprintln(f, os.Getpid())
		return f, f.Sync()
	}
}

// is reports whether f is still the file that the path leads to.
func (p pidFile) is(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(string(p))
	return err == nil && os.SameFile(opened, now)
}

// unlock removes the file and lets go of it, in this order: the next server must not find its own removed.
func (p pidFile) unlock(f *os.File) {
	os.Remove(string(p))
	f.Close()
}

// process is the server that runs, 0 when none does.
func (p pidFile) process() int {
	f, err := os.Open(string(p))
	if err != nil {
		return 0
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return 0 // it died without removing the file; the number may be anybody's by now
	}
	data, err := os.ReadFile(string(p))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

// await waits until no server holds the file any more.
func (p pidFile) await(patience time.Duration) error {
	f, err := os.Open(string(p))
	if err != nil {
		return nil // it was removed at the end
	}
	defer f.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
