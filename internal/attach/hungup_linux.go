package attach

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// closeWait is the state of a TCP connection whose other side has closed it.
const closeWait = 8

// hungUp reports whether the other side of a connection has closed it, although there may be something left to read.
func hungUp(c net.Conn) bool {
	for {
		switch w := c.(type) {
		case interface{ NetConn() net.Conn }:
			c = w.NetConn()
		case syscall.Conn:
			raw, err := w.SyscallConn()
			if err != nil {
				return false
			}
			closed := false
			raw.Control(func(fd uintptr) {
				info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
				closed = err == nil && info.State == closeWait
			})
			return closed
		default:
			return false
		}
	}
}
