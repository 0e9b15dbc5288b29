package isolation

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// IP protocol numbers, by name.
const (
	icmp   = 1
	ipip   = 4
	tcp    = 6
	udp    = 17
	gre    = 47
	icmpv6 = 58
	sctp   = 132
)

// A datagram is an IPv4 packet as its sender wishes.
type datagram struct {
	Src, Dst netip.Addr
	Proto    byte
	TTL      byte   // 0: 64
	ID       uint16 // of fragments
	Frag     uint16 // flags and offset in units of eight bytes
	Options  []byte // a multiple of four bytes
	Data     []byte
}

const moreFragments = 0x2000

func (d datagram) bytes() []byte {
	h := 20 + len(d.Options)
	b := make([]byte, h+len(d.Data))
	b[0] = 4<<4 | byte(h/4)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[4:], d.ID)
	binary.BigEndian.PutUint16(b[6:], d.Frag)
	if b[8] = d.TTL; d.TTL == 0 {
		b[8] = 64
	}
	b[9] = d.Proto
	src, dst := d.Src.As4(), d.Dst.As4()
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
	copy(b[20:], d.Options)
	binary.BigEndian.PutUint16(b[10:], checksum(b[:h]))
	copy(b[h:], d.Data)
	return b
}

// fragments cuts a datagram into pieces of size bytes, a multiple of eight.
func (d datagram) fragments(size int) (out []datagram) {
	for at := 0; at < len(d.Data); at += size {
		end := min(at+size, len(d.Data))
		f := d
		f.Data, f.Frag = d.Data[at:end], uint16(at/8)
		if end < len(d.Data) {
			f.Frag |= moreFragments
		}
		out = append(out, f)
	}
	return out
}

// udpTo is a UDP packet.
func udpTo(src, dst netip.AddrPort, data []byte) datagram {
	b := make([]byte, 8+len(data))
	binary.BigEndian.PutUint16(b, src.Port())
	binary.BigEndian.PutUint16(b[2:], dst.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	copy(b[8:], data)
	binary.BigEndian.PutUint16(b[6:], transportSum(src.Addr(), dst.Addr(), udp, b))
	return datagram{Src: src.Addr(), Dst: dst.Addr(), Proto: udp, Data: b}
}

// TCP flags.
const (
	fin = 1
	syn = 2
	rst = 4
	psh = 8
	ack = 16
)

// tcpTo is a TCP segment.
func tcpTo(src, dst netip.AddrPort, flags byte, data []byte) datagram {
	b := make([]byte, 20+len(data))
	binary.BigEndian.PutUint16(b, src.Port())
	binary.BigEndian.PutUint16(b[2:], dst.Port())
	binary.BigEndian.PutUint32(b[4:], 0x10000000+uint32(dst.Port()))
	if flags&ack != 0 {
		binary.BigEndian.PutUint32(b[8:], 0x20000000)
	}
	b[12], b[13] = 5<<4, flags
	binary.BigEndian.PutUint16(b[14:], 65535)
	copy(b[20:], data)
	binary.BigEndian.PutUint16(b[16:], transportSum(src.Addr(), dst.Addr(), tcp, b))
	return datagram{Src: src.Addr(), Dst: dst.Addr(), Proto: tcp, Data: b}
}

// icmpTo is an ICMP message; 8 is an echo request.
func icmpTo(src, dst netip.Addr, kind, code byte, rest uint32, data []byte) datagram {
	b := make([]byte, 8+len(data))
	b[0], b[1] = kind, code
	binary.BigEndian.PutUint32(b[4:], rest)
	copy(b[8:], data)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	return datagram{Src: src, Dst: dst, Proto: icmp, Data: b}
}

func transportSum(src, dst netip.Addr, proto byte, b []byte) uint16 {
	s, d := src.As4(), dst.As4()
	pseudo := make([]byte, 12, 12+len(b)+1)
	copy(pseudo, s[:])
	copy(pseudo[4:], d[:])
	pseudo[9] = proto
	binary.BigEndian.PutUint16(pseudo[10:], uint16(len(b)))
	if sum := checksum(append(pseudo, b...)); sum != 0 {
		return sum
	}
	return 0xffff
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// A header is what a seen frame says of itself.
type header struct {
	Src, Dst         netip.Addr
	Proto            byte
	SrcPort, DstPort uint16 // of TCP and UDP
	Kind             byte   // TCP's flags, or ICMP's type
	ID               uint16
	Offset           uint16 // of a fragment, in units of eight bytes
}

// read understands an Ethernet frame with IPv4.
func read(frame []byte) (h header, ok bool) {
	if len(frame) < 34 || binary.BigEndian.Uint16(frame[12:]) != 0x0800 {
		return h, false
	}
	ip := frame[14:]
	n := int(ip[0]&15) * 4
	h.Src, _ = netip.AddrFromSlice(ip[12:16])
	h.Dst, _ = netip.AddrFromSlice(ip[16:20])
	h.Proto, h.ID = ip[9], binary.BigEndian.Uint16(ip[4:])
	if h.Offset = binary.BigEndian.Uint16(ip[6:]) & 0x1fff; h.Offset != 0 || len(ip) < n+8 {
		return h, true
	}
	switch b := ip[n:]; h.Proto {
	case tcp, udp:
		h.SrcPort, h.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if h.Proto == tcp && len(b) > 13 {
			h.Kind = b[13]
		}
	case icmp:
		h.Kind = b[0]
	}
	return h, true
}

// describe tells of a frame in a few words.
func describe(frame []byte) string {
	h, ok := read(frame)
	switch {
	case !ok && len(frame) > 14:
		return fmt.Sprintf("a frame of type %#04x", binary.BigEndian.Uint16(frame[12:]))
	case h.Proto == tcp || h.Proto == udp:
		return fmt.Sprintf("%s from %s to %s", map[byte]string{tcp: "TCP", udp: "UDP"}[h.Proto],
			netip.AddrPortFrom(h.Src, h.SrcPort), netip.AddrPortFrom(h.Dst, h.DstPort))
	case h.Proto == icmp:
		return fmt.Sprintf("ICMP type %d from %s to %s", h.Kind, h.Src, h.Dst)
	}
	return fmt.Sprintf("IP protocol %d from %s to %s", h.Proto, h.Src, h.Dst)
}
