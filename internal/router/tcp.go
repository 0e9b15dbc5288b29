package router

import (
	"io"
	"net"
	"syscall"
	"unsafe"
)

// A tcp is a connection that is read and written without telling Go's scheduler. It need not know, since neither ever
// waits in the kernel. Told, it takes a busy router for one that is stuck in system calls: its monitor looks every few
// microseconds, and has other threads take over, which costs a request more than all that is done with its bytes.
//
// One goroutine at a time may read, and one may write.
type tcp struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out transfer
}

// A transfer is one direction: what is to be read or written, and what has come of it.
type transfer struct {
	p    []byte
	n    int
	errs syscall.Errno
	try  func(fd uintptr) bool
}

func newTCP(c *net.TCPConn) (*tcp, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	t := &tcp{TCPConn: c, raw: raw}
	t.in.try = func(fd uintptr) bool { return t.in.call(syscall.SYS_READ, fd) }
	t.out.try = func(fd uintptr) bool {
		for t.out.n < len(t.out.p) && t.out.errs == 0 {
			if !t.out.call(syscall.SYS_WRITE, fd) {
				return false
			}
		}
		return true
	}
	return t, nil
}

// call reads or writes once. It reports false if that would have to wait.
func (t *transfer) call(number, fd uintptr) bool {
	p := t.p[t.n:]
	for {
		n, _, err := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch err {
		case 0:
			t.n += int(n)
			return true
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			t.errs = err
			return true
		}
	}
}

// end is the outcome of a transfer that ran, or did not because of err.
func (t *transfer) end(err error) (int, error) {
	t.p = nil
	if err == nil && t.errs != 0 {
		err = t.errs
	}
	return t.n, err
}

func (t *tcp) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t.in.p, t.in.n, t.in.errs = p, 0, 0
	n, err := t.in.end(t.raw.Read(t.in.try))
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (t *tcp) Write(p []byte) (int, error) {
	t.out.p, t.out.n, t.out.errs = p, 0, 0
	return t.out.end(t.raw.Write(t.out.try))
}
