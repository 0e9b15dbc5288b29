package router

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// quiet reports whether a connection that nobody uses is as it should be: open, with nothing to read.
func quiet(raw syscall.RawConn) (ok bool) {
	raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		ok = err == unix.EAGAIN
	})
	return ok
}

// hungUp reports whether the other end of a connection has gone away, without reading from it.
func hungUp(c syscall.Conn) (gone bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(p, 0)
		gone = err == nil && n > 0 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone || err != nil
}

// sharePort lets another router listen on the same address, so that an upgrade refuses nobody.
func sharePort(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(err, failed)
}

// lastCall takes the connections that wait to be accepted and, if the socket is ours alone, stops listening in the
// same breath: what is in the queue when a socket stops is reset by the kernel, though another router listens on the
// same address. (Handshakes that are half done are reset as well, unless net.ipv4.tcp_migrate_req is set.)
func lastCall(l *net.TCPListener, ours bool) (waiting []int) {
	raw, err := l.SyscallConn()
	if err != nil {
		return nil
	}
	raw.Control(func(fd uintptr) {
		for {
			c, _, err := unix.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if err == unix.EINTR || err == unix.ECONNABORTED {
				continue
			}
			if err != nil {
				break
			}
			waiting = append(waiting, c)
		}
		if ours {
			unix.Shutdown(int(fd), unix.SHUT_RD)
		}
	})
	return waiting
}
