package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestThereIsOneServerAtMost(t *testing.T) {
	p := pidFile(filepath.Join(t.TempDir(), "server.pid"))
	lock, err := p.lock()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.process(); got != os.Getpid() {
		t.Errorf("the server is process %d, and should be %d", got, os.Getpid())
	}
	if _, err := p.lock(); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("a second server: %v", err)
	}
	if err := p.await(0); err == nil {
		t.Error("a server that runs is taken for ended")
	}
	p.unlock(lock)
	if _, err := os.Stat(string(p)); !os.IsNotExist(err) {
		t.Errorf("the file is left: %v", err)
	}
	if err := p.await(0); err != nil || p.process() != 0 {
		t.Errorf("after the end: %v, process %d", err, p.process())
	}
	again, err := p.lock()
	if err != nil {
		t.Fatal(err)
	}
	p.unlock(again)
}

func TestNumberOfADeadServerIsNotBelieved(t *testing.T) {
	p := pidFile(filepath.Join(t.TempDir(), "server.pid"))
	// As after SIGKILL: the file is there and nobody holds it; the number may be somebody else's by now.
	if err := os.WriteFile(string(p), fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := p.process(); got != 0 {
		t.Errorf("process %d is taken for the server", got)
	}
	lock, err := p.lock()
	if err != nil {
		t.Fatal(err)
	}
	p.unlock(lock)
}

func TestAwaitEndsWhenTheServerDoes(t *testing.T) {
	p := pidFile(filepath.Join(t.TempDir(), "server.pid"))
	lock, err := p.lock()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.await(20 * time.Second) }()
	p.unlock(lock)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestNextServersFileIsNotRemoved(t *testing.T) {
	p := pidFile(filepath.Join(t.TempDir(), "server.pid"))
	for range 200 {
		first, err := p.lock()
		if err != nil {
			t.Fatal(err)
		}
		began := make(chan *os.File)
		go func() { // the next one tries until it may
			for {
				if f, err := p.lock(); err == nil {
					began <- f
					return
				}
			}
		}()
		p.unlock(first)
		second := <-began
		if !p.is(second) {
			t.Fatal("a server runs whose file is not there")
		}
		p.unlock(second)
	}
}
