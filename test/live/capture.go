package live

import (
	"encoding/binary"
	"net/netip"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A Capture sees every packet that comes over the wire to an outside, whatever it is addressed to.
type Capture struct {
	wire  *os.File
	done  chan struct{}
	mu    sync.Mutex
	count map[Packet]int
}

// A Packet is what tells packets apart. Of fragments only the first has a port.
type Packet struct {
	Source, Target netip.Addr
	Protocol       byte   // unix.IPPROTO_TCP…; 0: neither IPv4 nor IPv6
	Port           uint16 // of the target; with ICMP 0
}

// Capture starts to watch, until the end of the test.
func (o *Outside) Capture(t testing.TB) *Capture {
	t.Helper()
	c := &Capture{done: make(chan struct{}), count: map[Packet]int{}}
	err := o.inside(func() error {
		// Without a socket that is bound to an interface there is nothing to lose: eth0 and the loopback are all there is.
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(htons(unix.ETH_P_ALL)))
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		c.wire = os.NewFile(uintptr(fd), "wire")
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20))
	})
	if err != nil {
		t.Fatal(err)
	}
	go c.read()
	t.Cleanup(c.stop)
	return c
}

func (c *Capture) read() {
	defer close(c.done)
	raw, err := c.wire.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 2048)
	for {
		var n int
		var from unix.Sockaddr
		var failed error
		if err := raw.Read(func(fd uintptr) bool {
			n, from, failed = unix.Recvfrom(int(fd), buf, 0)
			return failed != unix.EAGAIN
		}); err != nil || failed != nil {
			return
		}
		if link, ok := from.(*unix.SockaddrLinklayer); !ok || link.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		p := parse(buf[:n])
		c.mu.Lock()
		c.count[p]++
		c.mu.Unlock()
	}
}

func (c *Capture) stop() { c.wire.Close(); <-c.done }

// Packets is what came so far, and how often. It fails the test when the kernel had to leave some out.
func (c *Capture) Packets(t testing.TB) map[Packet]int {
	t.Helper()
	raw, err := c.wire.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err != nil || s.Drops > 0 {
			t.Errorf("the capture is not complete: %v, %v", s, err)
		}
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[Packet]int{}
	for p, n := range c.count {
		out[p] = n
	}
	return out
}

func parse(b []byte) Packet {
	if len(b) >= 40 && b[0]>>4 == 6 {
		return Packet{Source: netip.AddrFrom16([16]byte(b[8:24])), Target: netip.AddrFrom16([16]byte(b[24:40])), Protocol: b[6]}
	}
	if len(b) < 20 || b[0]>>4 != 4 {
		return Packet{}
	}
	p := Packet{Source: netip.AddrFrom4([4]byte(b[12:16])), Target: netip.AddrFrom4([4]byte(b[16:20])), Protocol: b[9]}
	head, fragment := int(b[0]&15)*4, binary.BigEndian.Uint16(b[6:8])&0x1fff
	if (p.Protocol == unix.IPPROTO_TCP || p.Protocol == unix.IPPROTO_UDP) && fragment == 0 && len(b) >= head+4 {
		p.Port = binary.BigEndian.Uint16(b[head+2 : head+4])
	}
	return p
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }
