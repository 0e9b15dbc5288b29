package local

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local/inside"
)

// A keeper is the process that holds the FIFOs of workloads while this one is away; see inside.Keeper. Like our
// containerd it is detached, found again, and started again if it has died.
type keeper struct {
	socket string
	binary string

	mu sync.Mutex
}

// ensure starts the keeper unless it answers. It reports whether it had to.
func (k *keeper) ensure() (started bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c, err := net.Dial("unix", k.socket); err == nil {
		fmt.Fprintln(c, "hold /nonexistent") // a line, so that it does not wait for one
		c.Close()
		return false, nil
	}
	os.Remove(k.socket)
	cmd := exec.Command(k.binary)
	cmd.Args, cmd.Dir = inside.Keeper(k.socket), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start keeper: %w", err)
	}
	go cmd.Wait() // for as long as we are its parent
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if err = k.say("release", "/nonexistent"); err == nil {
			return true, nil
		}
		if time.Now().After(deadline) {
			return false, fmt.Errorf("start keeper: %w", err)
		}
	}
}

// say tells the keeper something and waits until it is done.
func (k *keeper) say(verb, dir string) error {
	c, err := net.Dial("unix", k.socket)
	if err != nil {
		return fmt.Errorf("%s output: %w", verb, err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintln(c, verb, dir)
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s output: %w", verb, err)
	}
	if answer = strings.TrimSpace(answer); answer != "ok" {
		return fmt.Errorf("%s output: %s", verb, answer)
	}
	return nil
}

// keepKeeper sees to it that there is a keeper and that it holds what it should.
func (e *Engine) keepKeeper() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-e.life.Done():
			return
		case <-tick.C:
		}
		started, err := e.keeper.ensure()
		if err != nil {
			e.log.Error("output of workloads is not kept while the engine is away", "error", err)
		}
		if !started {
			continue
		}
		e.log.Warn("the keeper had died, started it again")
		list, _ := e.List(context.Background(), "")
		for _, s := range list {
			if s.Phase == engine.Running {
				e.keeper.say("hold", filepath.Join(e.Run, "io", s.ID))
			}
		}
	}
}
