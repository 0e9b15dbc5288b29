package conformance_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A dialogue is what is asked, and what is then typed.
type dialogue []struct{ ask, say string }

// onTerminal runs a command on a terminal of its own and answers its questions in turn. It returns all that the
// terminal showed.
func onTerminal(c *exec.Cmd, patience time.Duration, d dialogue) (string, error) {
	master, slave, err := openTerminal()
	if err != nil {
		return "", err
	}
	defer master.Close()
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 31, Col: 97}); err != nil {
		return "", err
	}
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = c.Start()
	slave.Close()
	if err != nil {
		return "", err
	}
	late := time.AfterFunc(patience, func() { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	var shown strings.Builder
	asked := 0 // how far the questions were looked for
	buf := make([]byte, 4096)
	for {
		n, err := master.Read(buf) // fails when nobody has the terminal open any more
		shown.Write(buf[:n])
		for len(d) > 0 {
			i := strings.Index(shown.String()[asked:], d[0].ask)
			if i < 0 {
				break
			}
			asked += i + len(d[0].ask)
			if _, err := master.WriteString(d[0].say + "\r"); err != nil {
				return shown.String(), err
			}
			d = d[1:]
		}
		if err != nil {
			break
		}
	}
	err = c.Wait()
	if err == nil && len(d) > 0 {
		err = fmt.Errorf("it never asked for %s", d[0].ask)
	}
	return shown.String(), err
}

// terminals is held while a terminal is made, as two makers could get hold of each other's number.
var terminals sync.Mutex

func openTerminal() (master, slave *os.File, err error) {
	terminals.Lock()
	defer terminals.Unlock()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	master = os.NewFile(uintptr(fd), "terminal")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		master.Close()
		return nil, nil, fmt.Errorf("unlock a terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	return master, slave, nil
}
