package isolation

import (
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A packet is a frame that a tap saw.
type packet struct {
	Link  string
	Out   bool // on its way out of the tapped namespace
	Frame []byte
}

// A tap sees what passes the links of a namespace, before any rule does.
type tap struct {
	where string
	fd    int
	links map[int]string
	want  func(packet) bool

	mu     sync.Mutex
	seen   []packet
	idle   int
	closed bool
	ended  chan struct{}
}

// tap begins to look at one link of a namespace, or at all with link "", for packets that are wanted.
func (n netns) tap(where, link string, want func(packet) bool) (*tap, error) {
	t := &tap{where: where, want: want, links: map[int]string{}, ended: make(chan struct{})}
	err := n.do(func() (err error) {
		ifs, err := net.Interfaces()
		if err != nil {
			return err
		}
		index := 0
		for _, i := range ifs {
			t.links[i.Index] = i.Name
			if i.Name == link {
				index = i.Index
			}
		}
		if link != "" && index == 0 {
			return fmt.Errorf("there is no link %s", link)
		}
		if t.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL))); err != nil {
			return err
		}
		unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20)
		if index == 0 {
			return nil
		}
		return unix.Bind(t.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: index})
	})
	if err != nil {
		return nil, fmt.Errorf("look at packets in %s: %w", where, err)
	}
	go t.run()
	return t, nil
}

func (t *tap) run() {
	defer close(t.ended)
	buf := make([]byte, 65536)
	for {
		n, from, err := unix.Recvfrom(t.fd, buf, unix.MSG_DONTWAIT)
		if err != nil {
			t.mu.Lock()
			t.idle++
			closed := t.closed
			t.mu.Unlock()
			if closed {
				return
			}
			unix.Poll([]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}, 10)
			continue
		}
		p := packet{Frame: buf[:n]}
		if sa, ok := from.(*unix.SockaddrLinklayer); ok {
			p.Link, p.Out = t.links[sa.Ifindex], sa.Pkttype == unix.PACKET_OUTGOING
		}
		if !t.want(p) {
			continue
		}
		p.Frame = append([]byte(nil), p.Frame...)
		t.mu.Lock()
		t.seen = append(t.seen, p)
		t.mu.Unlock()
	}
}

// packets are those seen so far, when all that were on their way have been looked at.
func (t *tap) packets() []packet {
	t.mu.Lock()
	from := t.idle
	t.mu.Unlock()
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		t.mu.Lock()
		settled := t.idle >= from+3 // two waits of ten milliseconds in which nothing came
		t.mu.Unlock()
		if settled {
			break
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen
}

// waits waits until a packet was seen.
func (t *tap) waits(patience time.Duration) bool {
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		t.mu.Lock()
		n := len(t.seen)
		t.mu.Unlock()
		if n > 0 {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

func (t *tap) close() {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	t.mu.Unlock()
	if again {
		return
	}
	<-t.ended
	unix.Close(t.fd)
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }
