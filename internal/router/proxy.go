package router

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"strconv"
)

// proxied is what a header of the PROXY protocol says of a connection.
type proxied struct {
	client netip.Addr // invalid: the balancer speaks for itself
	secure bool       // the client speaks TLS with the balancer
}

const (
	errProxy   = malformed("the PROXY header is malformed")
	maxProxyV1 = 107 // by the specification
	maxProxyV2 = 4 << 10
)

var (
	proxyV1 = []byte("PROXY ")
	proxyV2 = []byte("\r\n\r\n\x00\r\nQUIT\n")
)

// readProxy reads a header of the PROXY protocol, version 1 or 2, and not a byte more.
func readProxy(src io.Reader) (proxied, error) {
	head := make([]byte, len(proxyV2), maxProxyV1) // no header of either version is shorter
	if _, err := io.ReadFull(src, head); err != nil {
		return proxied{}, err
	}
	switch {
	case bytes.Equal(head, proxyV2):
		return readProxyV2(src)
	case bytes.HasPrefix(head, proxyV1):
		return readProxyV1(src, head)
	}
	return proxied{}, errProxy
}

// readProxyV1 reads the rest of a line such as "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443". What follows belongs to
// somebody else, perhaps to TLS, so it goes byte by byte.
func readProxyV1(src io.Reader, line []byte) (p proxied, err error) {
	for line[len(line)-1] != '\n' {
		n := len(line)
		if n == maxProxyV1 {
			return p, errProxy
		}
		line = line[:n+1]
		if _, err := io.ReadFull(src, line[n:]); err != nil {
			return p, err
		}
	}
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return p, errProxy
	}
	words := bytes.Split(text, []byte(" "))
	if string(words[1]) == "UNKNOWN" {
		return p, nil
	}
	if len(words) != 6 {
		return p, errProxy
	}
	for _, port := range words[4:] {
		if n, err := strconv.ParseUint(string(port), 10, 16); err != nil || strconv.FormatUint(n, 10) != string(port) {
			return p, errProxy
		}
	}
	var ends [2]netip.Addr // from, to
	for i := range ends {
		a, err := netip.ParseAddr(string(words[2+i]))
		if err != nil || a.Zone() != "" || a.Is4() != (string(words[1]) == "TCP4") || a.Is6() != (string(words[1]) == "TCP6") {
			return p, errProxy
		}
		ends[i] = bare(a)
	}
	return proxied{client: ends[0]}, nil
}

// readProxyV2 reads what comes after the signature: command, family, length, addresses, and values with their types.
func readProxyV2(src io.Reader) (p proxied, err error) {
	var fixed [4]byte
	if _, err := io.ReadFull(src, fixed[:]); err != nil {
		return p, err
	}
	command, family, size := fixed[0], fixed[1], int(binary.BigEndian.Uint16(fixed[2:]))
	if size > maxProxyV2 || command != forItself && command != onBehalf {
		return p, errProxy
	}
	rest := make([]byte, size)
	if _, err := io.ReadFull(src, rest); err != nil {
		return p, err
	}
	width := 0 // of an address
	switch {
	case command == forItself, family == unspecified:
		return p, nil // whatever else is there means nothing
	case family == tcp4:
		width = 4
	case family == tcp6:
		width = 16
	case family == unixStream: // a client on the balancer's own machine
		if len(rest) < 2*108 {
			return p, errProxy
		}
		p.secure, err = readValues(rest[2*108:])
		return p, err
	default:
		return p, errProxy
	}
	if len(rest) < 2*width+4 {
		return p, errProxy
	}
	a, _ := netip.AddrFromSlice(rest[:width])
	secure, err := readValues(rest[2*width+4:])
	if err != nil {
		return p, err
	}
	return proxied{client: bare(a), secure: secure}, nil
}

const (
	forItself   = 0x20 // version and command
	onBehalf    = 0x21
	unspecified = 0x00 // family and protocol
	tcp4        = 0x11
	tcp6        = 0x21
	unixStream  = 0x31
	valueTLS    = 0x20
)

// readValues reads types, lengths and values to their end, of which only one matters here: is there TLS with the client?
func readValues(b []byte) (secure bool, err error) {
	for len(b) > 0 {
		if len(b) < 3 {
			return false, errProxy
		}
		kind, size := b[0], int(binary.BigEndian.Uint16(b[1:]))
		if b = b[3:]; len(b) < size {
			return false, errProxy
		}
		if kind == valueTLS {
			if size < 5 {
				return false, errProxy
			}
			secure = b[0]&1 != 0
		}
		b = b[size:]
	}
	return secure, nil
}
