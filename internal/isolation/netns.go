package isolation

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A netns is a network namespace by the path of its file; "" is the machine's own.
type netns string

// do runs f on a thread inside the namespace. Sockets that f opens stay there. f must not start goroutines that open
// others. A thread that cannot come back is given up.
func (n netns) do(f func() error) error {
	if n == "" {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("find own namespace: %w", err)
			return
		}
		defer home.Close()
		there, err := os.Open(string(n))
		if err == nil {
			err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET)
			there.Close()
		}
		if err != nil {
			err = fmt.Errorf("enter namespace %s: %w", n, err)
		} else {
			err = f()
		}
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// dial opens a connection from inside the namespace.
func (n netns) dial(network, address string, patience time.Duration) (c net.Conn, err error) {
	err = n.do(func() (err error) {
		c, err = net.DialTimeout(network, address, patience)
		return err
	})
	return c, err
}

// listen opens a TCP listener and a UDP socket on the same address and port inside the namespace.
func (n netns) listen(address string) (l net.Listener, p net.PacketConn, err error) {
	err = n.do(func() (err error) {
		if l, err = net.Listen("tcp4", address); err != nil {
			return err
		}
		if p, err = net.ListenPacket("udp4", l.Addr().String()); err != nil {
			l.Close()
			return err
		}
		raw, err := p.(*net.UDPConn).SyscallConn()
		if err != nil {
			return err
		}
		return raw.Control(func(fd uintptr) { // as root, so that a flood of ours does not look like a loss of others'
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20)
		})
	})
	return l, p, err
}

// sh runs a command inside the namespace.
func (n netns) sh(line string) (out string, err error) {
	err = n.do(func() error {
		b, err := exec.Command("sh", "-c", line).CombinedOutput()
		out = string(b)
		if err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(out))
		}
		return nil
	})
	return out, err
}

// read reads a file that shows the namespace of whoever reads it, such as those below /proc/net and /proc/sys/net.
func (n netns) read(path string) (text string) {
	n.do(func() error {
		b, err := os.ReadFile(strings.Replace(path, "/proc/net/", "/proc/thread-self/net/", 1))
		text = string(b)
		return err
	})
	return text
}
