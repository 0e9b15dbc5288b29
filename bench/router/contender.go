package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	backendAddr = "127.0.0.1:18500"
	socketsAddr = "127.0.0.1:18499"
)

// A contender is a proxy that is measured: where it listens, and how it is started, given a directory with its
// configuration.
type contender struct {
	name        string
	plain, safe string // addresses of HTTP and of HTTPS
	command     func(dir string) *exec.Cmd

	processes []int
}

var contenders = []*contender{
	{name: "cloister", plain: "127.0.0.1:18504", safe: "127.0.0.1:18604", command: func(dir string) *exec.Cmd {
		return exec.Command(filepath.Join(dir, "cloister"), "-dir", dir, "-http", "127.0.0.1:18504", "-https", "127.0.0.1:18604",
			"-backend", backendAddr, "-sockets", socketsAddr)
	}},
	{name: "nginx", plain: "127.0.0.1:18501", safe: "127.0.0.1:18601", command: func(dir string) *exec.Cmd {
		return exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr")
	}},
	{name: "haproxy", plain: "127.0.0.1:18502", safe: "127.0.0.1:18602", command: func(dir string) *exec.Cmd {
		return exec.Command("haproxy", "-f", filepath.Join(dir, "haproxy.cfg"))
	}},
	{name: "caddy", plain: "127.0.0.1:18503", safe: "127.0.0.1:18603", command: func(dir string) *exec.Cmd {
		cmd := exec.Command("caddy", "run", "--config", filepath.Join(dir, "Caddyfile"), "--adapter", "caddyfile")
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
		return cmd
	}},
}

// start starts a server and waits until it accepts connections.
func start(cmd *exec.Cmd, addr string) (stop func(), err error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return stop, nil
		}
	}
	stop()
	return nil, fmt.Errorf("does not listen on %s: %s", addr, out.String())
}

func (c *contender) start(dir string) (stop func(), err error) {
	cmd := c.command(dir)
	if stop, err = start(cmd, c.safe); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	c.processes = family(cmd.Process.Pid)
	return stop, nil
}

// family is a process and its children. Cloister's are the router and the control that gets its log lines.
func family(parent int) []int {
	all := []int{parent}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		_, rest, _ := strings.Cut(string(text), ") ") // the name may be anything
		if words := strings.Fields(rest); len(words) > 1 && words[1] == strconv.Itoa(parent) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
				all = append(all, pid)
			}
		}
	}
	return all
}

// cpu is the processor time that a contender has used so far, exact to the nanosecond.
func (c *contender) cpu() (sum time.Duration) {
	for _, pid := range c.processes {
		var t unix.Timespec
		if unix.ClockGettime(int32(^pid<<3|2), &t) == nil { // the clock of a process: clock_getcpuclockid(3)
			sum += time.Duration(t.Nano())
		}
	}
	return sum
}

// memory is how much of a contender lies in memory, in bytes.
func (c *contender) memory() (sum int64) {
	for _, pid := range c.processes {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if words := strings.Fields(string(text)); len(words) > 1 {
			pages, _ := strconv.ParseInt(words[1], 10, 64)
			sum += pages * int64(os.Getpagesize())
		}
	}
	return sum
}
