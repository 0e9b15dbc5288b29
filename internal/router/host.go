package router

import "bytes"

// splitHost takes a Host header apart. The name has no trailing dot, but still the client's case; an IPv6 literal
// keeps its brackets. It is not ok when it could not be the host of any URL.
func splitHost(host []byte) (name, port []byte, ok bool) {
	name = host
	if len(host) > 0 && host[0] == '[' {
		end := bytes.IndexByte(host, ']')
		if end < 0 {
			return nil, nil, false
		}
		name, port = host[:end+1], host[end+1:]
		for _, b := range name[1:end] {
			if b != ':' && b != '.' && !isHex(b) {
				return nil, nil, false
			}
		}
		if len(port) > 0 && port[0] != ':' {
			return nil, nil, false
		}
		port = bytes.TrimPrefix(port, []byte{':'})
	} else {
		if i := bytes.IndexByte(host, ':'); i >= 0 {
			name, port = host[:i], host[i+1:]
		}
		for _, b := range name {
			if !hostByte[b] {
				return nil, nil, false
			}
		}
		name = bytes.TrimSuffix(name, []byte{'.'})
	}
	for _, b := range port {
		if b < '0' || b > '9' {
			return nil, nil, false
		}
	}
	return name, port, len(name) > 0 && len(name) <= 255 && len(port) <= 5
}

// appendLower appends s in lower case: the form in which names are looked up.
func appendLower(dst, s []byte) []byte {
	for _, b := range s {
		dst = append(dst, lower[b])
	}
	return dst
}

// normalHost is the form in which a host of the table or of a TLS client is looked up, or "" if it is none.
func normalHost(s string) string {
	rest, wild := s, false
	if len(s) > 2 && s[:2] == "*." {
		rest, wild = s[2:], true
	}
	name, _, ok := splitHost([]byte(rest))
	if !ok {
		return ""
	}
	n := string(appendLower(nil, name))
	if wild {
		return "*." + n
	}
	return n
}

var (
	hostByte  [256]bool
	tokenByte [256]bool
	lower     [256]byte
)

func init() {
	for i := range 256 {
		b := byte(i)
		lower[i] = b
		if 'A' <= b && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
		alnum := 'a' <= lower[i] && lower[i] <= 'z' || '0' <= b && b <= '9'
		hostByte[i] = alnum || b == '-' || b == '.' || b == '_'
		tokenByte[i] = alnum || bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), b) >= 0
	}
}

func isHex(b byte) bool { return '0' <= b && b <= '9' || 'a' <= lower[b] && lower[b] <= 'f' }

// sameFold compares with s, which is in lower case.
func sameFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if lower[c] != s[i] {
			return false
		}
	}
	return true
}
