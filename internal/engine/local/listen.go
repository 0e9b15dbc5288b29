package local

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// listening reports whether a socket listens on port, in the network namespace of pid, on an address that others can
// reach: its own or all. Nothing is sent; a process that would take a probe for a client never sees one.
func listening(pid uint32, port int, own netip.Addr) bool {
	for _, table := range []string{"tcp", "tcp6"} {
		if listens(fmt.Sprintf("/proc/%d/net/%s", pid, table), port, own) {
			return true
		}
	}
	return false
}

func listens(table string, port int, own netip.Addr) bool {
	f, err := os.Open(table)
	if err != nil {
		return false // the process is gone, or IPv6 is
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan() // the header
	for lines.Scan() {
		a, state, ok := parseSocket(lines.Text())
		if !ok || state != tcpListen {
			continue
		}
		if int(a.Port()) == port && (a.Addr().IsUnspecified() || a.Addr().Unmap() == own) {
			return true
		}
	}
	return false
}

const tcpListen = 0x0A

// parseSocket reads the local address and the state of a line of /proc/net/tcp or tcp6:
//
//	0: 0100007F:1F90 00000000:0000 0A …
//
// An address is printed as 32-bit words in the machine's byte order, a port as a number.
func parseSocket(line string) (netip.AddrPort, int64, bool) {
	f := strings.Fields(line)
	if len(f) < 4 {
		return netip.AddrPort{}, 0, false
	}
	host, port, ok := strings.Cut(f[1], ":")
	raw, err := hex.DecodeString(host)
	if !ok || err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, 0, false
	}
	for i := 0; i < len(raw); i += 4 { // every machine we run on is little-endian
		raw[i], raw[i+1], raw[i+2], raw[i+3] = raw[i+3], raw[i+2], raw[i+1], raw[i]
	}
	addr, ok := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(port, 16, 16)
	state, err2 := strconv.ParseInt(f[3], 16, 32)
	if !ok || err != nil || err2 != nil {
		return netip.AddrPort{}, 0, false
	}
	return netip.AddrPortFrom(addr, uint16(n)), state, true
}
