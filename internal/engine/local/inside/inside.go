// Package inside is what runs inside a workload: its first process, and the doorstep of those that come later. The
// engine shows its own binary to every workload, and the binary's main function calls Main before anything else.
//
// It imports little and knows nothing of engines: it runs as the tenant, among the tenant's processes.
package inside

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// Path is where a workload sees the binary: in /dev, which is ours, so that its own files stay as they are.
const Path = "/dev/init"

// Ready is the name that the first process takes when it can handle signals. Before, the kernel would throw them
// away, as it does for the first process of any process namespace.
const Ready = "cloister-init"

// First is the command line of a workload's first process, which starts command.
func First(command []string) []string { return append([]string{Path, "first"}, command...) }

// Hold is the command line of a first process that starts nothing.
func Hold() []string { return []string{Path, "hold"} }

// Other is the command line of another process, which becomes command in dir.
func Other(dir string, command []string) []string {
	return append([]string{Path, "other", dir}, command...)
}

// Dial is the command line of another process, which is a connection to an address.
func Dial(address string) []string { return []string{Path, "dial", address} }

// Main does nothing in a process that is not inside a workload. In one that is, it never returns.
//
// The first process starts the workload's command, reaps what is orphaned, and passes SIGTERM and its like to every
// process there is, as stopping a dyno promises. It ends when the command ends, and with it the workload.
func Main() {
	if os.Args[0] != Path || len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case "hold":
		os.Exit(hold())
	case "pulse":
		os.Exit(pulse())
	}
	if len(os.Args) < 3 {
		os.Exit(126)
	}
	switch os.Args[1] {
	case "first":
		os.Exit(first(os.Args[2:]))
	case "keep":
		fmt.Fprintln(os.Stderr, keep(os.Args[2]))
	case "dial":
		os.Exit(dial(os.Args[2], os.Stdin, os.Stdout, os.Stderr))
	case "other":
		os.Exit(other(os.Args[2], os.Args[3:]))
	}
	os.Exit(126)
}

func listen() <-chan os.Signal {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCHLD)
	return signals
}

func first(command []string) int {
	signals := listen()
	path, err := exec.LookPath(command[0])
	if err != nil {
		return notStarted(command[0], err)
	}
	child, err := os.StartProcess(path, command, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		return notStarted(command[0], err)
	}
	os.WriteFile("/proc/self/comm", []byte(Ready), 0)
	for s := range signals {
		if s != syscall.SIGCHLD {
			syscall.Kill(-1, s.(syscall.Signal)) // all but ourselves
			continue
		}
		if status, ended := reap(child.Pid); ended {
			return status
		}
	}
	return 0
}

// hold waits for SIGTERM, and then for the last of the other processes, which are nobody's children here: those that
// it could hear of are orphans.
func hold() int {
	signals := listen()
	os.WriteFile("/proc/self/comm", []byte(Ready), 0)
	var alone <-chan time.Time
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGCHLD {
				reap(0)
				continue
			}
			syscall.Kill(-1, s.(syscall.Signal))
			if s == syscall.SIGTERM && alone == nil {
				alone = time.Tick(20 * time.Millisecond)
			}
		case <-alone:
			if errors.Is(syscall.Kill(-1, 0), syscall.ESRCH) {
				return 128 + int(syscall.SIGTERM)
			}
		}
	}
}

// reap collects every process that has ended, and tells how the one that matters did.
func reap(pid int) (status int, ended bool) {
	for {
		var w syscall.WaitStatus
		got, err := syscall.Wait4(-1, &w, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil || got <= 0:
			return status, ended
		case got != pid:
			continue
		case w.Signaled():
			status, ended = 128+int(w.Signal()), true
		case w.Exited():
			status, ended = w.ExitStatus(), true
		}
	}
}

// other becomes another process of the workload. It exists so that a missing command is told, and its status is
// 127, in the way of a shell.
func other(dir string, command []string) int {
	runtime.LockOSThread()
	if err := os.Chdir(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 126
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return notStarted(command[0], err)
	}
	return notStarted(command[0], syscall.Exec(path, command, os.Environ()))
}

func notStarted(name string, err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(os.Stderr, "%s: command not found\n", name)
		return 127
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	return 126
}
