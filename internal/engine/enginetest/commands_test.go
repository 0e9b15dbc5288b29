//go:build unix

package enginetest

import (
	"bufio"
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The table for images with a shell is tried on this machine's own.

func TestShellCommandsPrintWhatTheyShould(t *testing.T) {
	c := Shell("true")
	file := filepath.Join(t.TempDir(), "file")
	for _, x := range []struct {
		command     []string
		input, want string
	}{
		{c.Print("one", "", "  two "), "", "one\n\n  two \n"},
		{c.Print(), "", "\n"},
		{c.Say("no newline %s"), "", "no newline %s"},
		{c.Count(3), "", "1\n2\n3\n"},
		{c.Long(20_345), "", strings.Repeat("x", 20_345) + "\n"},
		{c.Var("GREETING"), "", "it's a \"test\" $HOME\n"},
		{c.Write(file, "kept"), "", ""},
		{c.Read(file), "", "kept"},
		{c.Cat, "to and fro", "to and fro"},
		{c.Both, "", "out\n"},
		{c.Dir, "", "/\n"},
	} {
		cmd := exec.CommandContext(t.Context(), x.command[0], x.command[1:]...)
		cmd.Dir, cmd.Stdin = "/", strings.NewReader(x.input)
		cmd.Env = append(cmd.Environ(), `GREETING=it's a "test" $HOME`)
		out, err := cmd.Output()
		if err != nil || string(out) != x.want {
			t.Errorf("%q: %v, printed %d bytes %.60q", x.command, err, len(out), out)
		}
	}
}

func TestShellCommandsExitAsTheyShould(t *testing.T) {
	c := Shell("true")
	for _, x := range []struct {
		command []string
		want    int
	}{{c.Exit(0), 0}, {c.Exit(255), 255}, {c.Listen, 0}, {c.Terminal, 1}} {
		cmd := exec.CommandContext(t.Context(), x.command[0], x.command[1:]...)
		cmd.Stdin = bytes.NewReader(nil)
		cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != x.want {
			t.Errorf("%q: exit status %d, want %d", x.command, got, x.want)
		}
	}
}

func TestShellCommandsTakeSignalsAsTheyShould(t *testing.T) {
	c := Shell("true")
	for _, x := range []struct {
		command []string
		exit    int            // with this status, unless
		killed  syscall.Signal // by this signal
	}{{c.Wait, 7, 0}, {c.Stubborn, -1, syscall.SIGKILL}, {c.Tick, -1, syscall.SIGTERM}} {
		cmd := exec.CommandContext(t.Context(), x.command[0], x.command[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all := -cmd.Process.Pid // as an engine does: to every process there is
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" && line != "1\n" {
			t.Errorf("%q began with %q, %v", x.command, line, err)
		}
		syscall.Kill(all, syscall.SIGTERM)
		if x.killed == syscall.SIGKILL {
			if err := syscall.Kill(cmd.Process.Pid, 0); err != nil {
				t.Errorf("%q did not survive SIGTERM: %v", x.command, err)
			}
			syscall.Kill(all, syscall.SIGKILL)
		}
		cmd.Wait()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if status.ExitStatus() != x.exit || status.Signaled() && status.Signal() != x.killed {
			t.Errorf("%q: exit status %d, signal %v", x.command, status.ExitStatus(), status.Signal())
		}
	}
}
