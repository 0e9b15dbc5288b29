package inside

import (
	"fmt"
	"io"
	"net"
	"time"
)

// dialWithin is how long a connection may take to come about.
const dialWithin = 10 * time.Second

// dial connects to an address, says so by a zero byte, and copies both ways until what comes has ended.
func dial(address string, in io.Reader, out, errs io.Writer) int {
	c, err := net.DialTimeout("tcp", address, dialWithin)
	if err != nil {
		fmt.Fprintln(errs, err)
		return 1
	}
	defer c.Close()
	if _, err := out.Write([]byte{0}); err != nil {
		return 1
	}
	go func() {
		io.Copy(c, in)
		c.(*net.TCPConn).CloseWrite()
	}()
	if _, err := io.Copy(out, c); err != nil {
		fmt.Fprintln(errs, err)
		return 1
	}
	return 0
}
