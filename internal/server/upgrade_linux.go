package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// upgradeServer has the server that runs go on as the binary that we are: its three processes are replaced one after
// another, while the public sockets stay open. The supervisor itself, which holds them, is replaced when the server is
// started the next time.
func upgradeServer(ctx context.Context, c Config) error {
	if err := c.mustBeRoot("upgrade it"); err != nil {
		return err
	}
	pid := c.pidFile().process()
	if pid == 0 {
		return errors.New("no server runs on this machine. Start it: cloister server")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if self == c.binary() {
		return fmt.Errorf("%s is the server's own copy. Run --upgrade with the new binary", self)
	}
	if err := copySelf(c.binary()); err != nil {
		return err
	}
	before := time.Now()
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return fmt.Errorf("tell the server (process %d): %w", pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute) // node, control and router may take their time to end
	defer cancel()
	for _, name := range []string{"node", "control", "router"} {
		fmt.Printf("Replacing %s... ", name)
		if err := c.awaitRenewed(ctx, pid, name); err != nil {
			fmt.Println("!")
			return err
		}
		fmt.Println("done")
	}
	if err := waitReady(ctx, c, time.Minute); err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	fmt.Printf("Upgraded in %s\n", time.Since(before).Round(100*time.Millisecond))
	return nil
}

// awaitRenewed waits until a child of the supervisor is of the binary in use, and none of its name of another.
func (c Config) awaitRenewed(ctx context.Context, supervisor int, name string) error {
	for {
		renewed, old, err := c.children(supervisor, name)
		if err != nil || renewed > 0 && old == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s was not replaced in time; see the server's log", name)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// children counts the processes of a name below the supervisor: those of the binary in use, and those of another.
func (c Config) children(supervisor int, name string) (renewed, old int, err error) {
	now, err := os.Stat(c.binary())
	if err != nil {
		return 0, 0, err
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", supervisor))
	if err != nil || len(files) == 0 {
		return 0, 0, errors.Join(err, errors.New("the server has ended; see its log"))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has just ended
		}
		for _, field := range strings.Fields(string(text)) {
			pid, _ := strconv.Atoi(field)
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			args := strings.Split(string(line), "\x00")
			if err != nil || len(args) < 2 || args[1] != name {
				continue
			}
			exe, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
			switch {
			case err != nil:
			case os.SameFile(exe, now):
				renewed++
			default:
				old++
			}
		}
	}
	return renewed, old, nil
}
