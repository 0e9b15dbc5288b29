package main

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// capture sees every frame that arrives at this end of any wire, and says each from a source, or, for "all", each pair
// of source and destination once.
func capture(source string) {
	const everything = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, everything)
	if err != nil {
		fail(err)
	}
	fmt.Println("ready")
	seen := map[string]bool{}
	buf := make([]byte, 65536)
	for {
		n, from, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			fail(err)
		}
		if l, ok := from.(*unix.SockaddrLinklayer); ok && l.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		src, dst, ok := ends(buf[:n])
		line := fmt.Sprint(src, " ", dst)
		if ok && (src.String() == source || source == "all" && !seen[line]) {
			seen[line] = true
			fmt.Println(line)
		}
	}
}

// ends are the source and the destination of an IP packet in a frame.
func ends(frame []byte) (src, dst netip.Addr, ok bool) {
	if len(frame) < 54 {
		frame = append(frame, make([]byte, 54)...) // short ones are padded
	}
	switch uint16(frame[12])<<8 | uint16(frame[13]) {
	case unix.ETH_P_IP:
		src, _ = netip.AddrFromSlice(frame[26:30])
		dst, _ = netip.AddrFromSlice(frame[30:34])
	case unix.ETH_P_IPV6:
		src, _ = netip.AddrFromSlice(frame[22:38])
		dst, _ = netip.AddrFromSlice(frame[38:54])
	}
	return src, dst, src.IsValid()
}
