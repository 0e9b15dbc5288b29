package isolation

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A wire sends frames as they are, past the rules of the namespace it is in.
type wire struct {
	fd    int
	index int
	self  net.HardwareAddr
	next  net.HardwareAddr // of the one neighbour
}

// wire takes hold of a link of the namespace.
func (n netns) wire(link string) (*wire, error) {
	w := &wire{}
	neighbours := n.read("/proc/net/arp")
	err := n.do(func() error {
		i, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		for line := range strings.Lines(neighbours) {
			if f := strings.Fields(line); len(f) == 6 && f[5] == link {
				w.next, _ = net.ParseMAC(f[3])
			}
		}
		if w.index, w.self = i.Index, i.HardwareAddr; w.next == nil {
			return fmt.Errorf("%s has no neighbour", link)
		}
		w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("take hold of link %s: %w", link, err)
	}
	return w, nil
}

func (w *wire) close() { unix.Close(w.fd) }

// send sends datagrams to the neighbour.
func (w *wire) send(ds ...datagram) error {
	for _, d := range ds {
		if err := w.frame(w.next, 0x0800, d.bytes()); err != nil {
			return err
		}
	}
	return nil
}

// frame sends anything at all. It waits when the queue is full.
func (w *wire) frame(to net.HardwareAddr, kind uint16, data []byte) error {
	b := make([]byte, 14, 14+len(data))
	copy(b, to)
	copy(b[6:], w.self)
	binary.BigEndian.PutUint16(b[12:], kind)
	b = append(b, data...)
	at := &unix.SockaddrLinklayer{Ifindex: w.index, Halen: 6}
	copy(at.Addr[:], to)
	for tries := 0; ; tries++ {
		err := unix.Sendto(w.fd, b, 0, at)
		if (err == unix.ENOBUFS || err == unix.EAGAIN) && tries < 1000 {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return fmt.Errorf("send a frame: %w", err)
		}
		return nil
	}
}
