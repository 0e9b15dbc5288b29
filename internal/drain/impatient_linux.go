package drain

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister/internal/outside"
)

// impatient has a connection break when the peer's machine acknowledges nothing for ack. The kernel's own patience
// is a quarter of an hour, in which all that is sent would be lost. And it has no more than queueBytes wait here for
// room there: the kernel would take megabytes, and take no more until a third of them is gone, so that a slow receiver
// looked like one that stands still.
func impatient(allowed outside.Judge, ack time.Duration) outside.Judge {
	return func(network, address string, c syscall.RawConn) error {
		if err := allowed(network, address, c); err != nil {
			return err
		}
		var err error
		if outer := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(ack.Milliseconds()))
			if err == nil {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, queueBytes)
			}
		}); outer != nil {
			return outer
		}
		return err
	}
}
