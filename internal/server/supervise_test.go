package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// supervised keeps a stand-in running, and returns where it listens.
func supervised(t *testing.T) (url string, stop func()) {
	t.Helper()
	return supervise(t, child{name: "control"})
}

func supervise(t *testing.T, ch child) (url string, stop func()) {
	t.Helper()
	c := Config{State: t.TempDir()}
	if err := os.Mkdir(filepath.Dir(c.binary()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copySelf(c.binary()); err != nil {
		t.Fatal(err)
	}
	t.Setenv(childVariable, "yes")
	f, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ch.listeners = []*os.File{f}
		ch.keep(ctx, c, []string{"--state", c.State}, slog.New(slog.DiscardHandler))
	}()
	stop = func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Error("the supervisor does not end")
		}
	}
	t.Cleanup(stop)
	return "http://" + l.Addr().String(), stop
}

// whoIs asks a stand-in for its process id and arguments, on a connection of its own.
func whoIs(url string) (pid int, args string, err error) {
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, "", err
	}
	var uid int
	fmt.Sscan(string(text), &pid, &uid)
	_, args, _ = strings.Cut(string(text), "[")
	return pid, "[" + strings.TrimSpace(args), nil
}

func TestKilledProcessIsStartedAgainAndNobodyIsRefused(t *testing.T) {
	url, _ := supervised(t)
	first, args, err := whoIs(url)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(args, "[control --state /") {
		t.Errorf("it was started with %s", args)
	}
	// Whoever connects while nobody accepts waits in the queue of the socket that the supervisor holds.
	host := strings.TrimPrefix(url, "http://")
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatalf("refused after the process was killed: %v", err)
		}
		defer c.Close()
	}
	// A request that the killed process had taken already may be lost; the next is answered by another process.
	var second int
	for deadline := time.Now().Add(20 * time.Second); second == 0 || second == first; {
		if second, _, err = whoIs(url); err != nil && strings.Contains(err.Error(), "refused") {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("no other process answers: %v", err)
		}
	}
}

func TestRenewedProcessGivesWayAndNobodyIsRefused(t *testing.T) {
	for _, beside := range []bool{false, true} {
		ch := child{name: "control", beside: beside, renew: make(chan chan struct{})}
		url, stop := supervise(t, ch)
		first, _, err := whoIs(url)
		if err != nil {
			t.Fatal(err)
		}
		renewed := make(chan struct{})
		ch.renew <- renewed
		second := first
		for second == first {
			// The stand-in drops what it has taken when it is told to end; nobody may be refused.
			if second, _, err = whoIs(url); err != nil && strings.Contains(err.Error(), "refused") {
				t.Fatalf("beside %v: %v", beside, err)
			} else if err != nil {
				second = first
			}
		}
		select {
		case <-renewed:
		case <-time.After(30 * time.Second):
			t.Fatalf("beside %v: the old process is not said to have ended", beside)
		}
		if err := syscall.Kill(first, 0); err != syscall.ESRCH {
			t.Errorf("beside %v: process %d is still there: %v", beside, first, err)
		}
		stop()
	}
}

func TestProcessEndsWithItsSupervisor(t *testing.T) {
	url, stop := supervised(t)
	pid, _, err := whoIs(url)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

func TestProcessStartedByHandListensForItself(t *testing.T) {
	l, err := inherited(0, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	t.Setenv(inheritedCount, "1")
	other, err := inherited(1, "127.0.0.1:0") // one was left, and it is not this one
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	t.Setenv(inheritedCount, "nonsense")
	if l, err = inherited(0, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestCopyOfTheBinaryReplacesTheOldOneWhole(t *testing.T) {
	to := filepath.Join(t.TempDir(), "cloister")
	for range 2 {
		if err := copySelf(to); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a, err := os.Stat(self)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.Stat(to)
	if err != nil {
		t.Fatal(err)
	}
	if a.Size() != b.Size() || b.Mode().Perm()&0o111 == 0 {
		t.Errorf("%d bytes became %d, mode %s", a.Size(), b.Size(), b.Mode())
	}
	if _, err := os.Stat(to + ".new"); err == nil {
		t.Error("half a copy is left")
	}
}

func TestEachProcessOwnsWhatItWrites(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can give files away")
	}
	dir := t.TempDir()
	c := Default()
	c.State, c.Run = filepath.Join(dir, "state"), filepath.Join(dir, "run")
	for range 2 { // a second start finds everything there
		if err := prepare(c); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]struct {
		uid  int
		mode os.FileMode
	}{
		c.State: {0, 0o755}, c.nodeDir(): {0, 0o700}, c.controlDir(): {c.ControlUID, 0o700}, c.routerDir(): {c.RouterUID, 0o700},
		c.imagesDir(): {c.ControlUID, 0o755}, c.caFile(): {c.ControlUID, 0o644}, c.binary(): {0, 0o755},
		c.Run: {0, 0o755}, filepath.Dir(c.adminSocket()): {c.ControlUID, 0o755},
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; int(uid) != want.uid || info.Mode().Perm() != want.mode {
			t.Errorf("%s belongs to %d with mode %s", path, uid, info.Mode())
		}
	}
}
