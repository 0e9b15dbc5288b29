package router

import (
	"bytes"
	"strings"
	"testing"
)

func TestMalformedProxyHeadersAreRefused(t *testing.T) {
	t.Parallel()
	v4 := addresses("192.0.2.1", "198.51.100.1")
	for name, text := range map[string]string{
		"HTTP":                      "GET / HTTP/1.1\r\n\r\n",
		"lower case":                "proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
		"no family":                 "PROXY         \r\n",
		"other family":              "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
		"a word too few":            "PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n",
		"a word too many":           "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
		"two spaces":                "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
		"bare line feed":            "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n",
		"IPv6 as IPv4":              "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
		"IPv4 as IPv6":              "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
		"no address":                "PROXY TCP4 192.0.2.1 localhost 1 2\r\n",
		"leading zero":              "PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n",
		"with a zone":               "PROXY TCP6 fe80::1%lo 2001:db8::2 1 2\r\n",
		"port too large":            "PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n",
		"port with a sign":          "PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
		"port with a leading zero":  "PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n",
		"v1 too long":               "PROXY UNKNOWN " + strings.Repeat("x", 92) + "\r\n",
		"v1 cut short":              "PROXY TCP4 192.0.2.1 198",
		"other version":             proxy2(0x11, 0x11, v4),
		"other command":             proxy2(0x22, 0x11, v4),
		"UDP":                       proxy2(0x21, 0x12, v4),
		"reserved family":           proxy2(0x21, 0x41, v4),
		"addresses cut short":       proxy2(0x21, 0x11, v4[:11]),
		"IPv6 addresses cut short":  proxy2(0x21, 0x21, v4),
		"unix addresses cut short":  proxy2(0x21, 0x31, strings.Repeat("x", 215)),
		"value without a length":    proxy2(0x21, 0x11, v4+"\x01\x00"),
		"value longer than it":      proxy2(0x21, 0x11, v4+"\x01\x00\x03h2"),
		"TLS value cut short":       proxy2(0x21, 0x11, v4+"\x20\x00\x04\x01\x00\x00\x00"),
		"v2 too long":               proxy2(0x21, 0x11, v4+"\x04\x10\x00"+strings.Repeat("x", 4096)),
		"v2 cut short":              proxy2(0x21, 0x11, v4)[:20],
		"signature with a mistake":  "\r\n\r\n\x00\r\nQUIT\r\x21\x11\x00\x0c" + v4,
		"signature, and no more":    string(proxyV2),
		"the balancer, cut short":   proxy2(0x20, 0x00, "abc")[:17],
		"unix, then a broken value": proxy2(0x21, 0x31, strings.Repeat("x", 216)+"\x01"),
	} {
		if p, err := readProxy(strings.NewReader(text)); err == nil {
			t.Errorf("%s: taken for %+v", name, p)
		}
	}
	for name, text := range map[string]string{
		"longest v1":         "PROXY UNKNOWN " + strings.Repeat("x", 91) + "\r\n",
		"v1, no address":     "PROXY UNKNOWN\r\n",
		"the balancer":       proxy2(0x20, 0x77, "whatever"),
		"a unix socket":      proxy2(0x21, 0x31, strings.Repeat("x", 216)),
		"as long as allowed": proxy2(0x20, 0x00, strings.Repeat("x", maxProxyV2)),
	} {
		if p, err := readProxy(strings.NewReader(text)); err != nil || p.client.IsValid() {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// FuzzProxy feeds the parser anything, all at once and byte by byte. It takes the header and leaves what follows,
// within its limits, and names nobody who could not be a peer.
func FuzzProxy(f *testing.F) {
	v4 := addresses("192.0.2.1", "198.51.100.1")
	for _, s := range []string{
		"PROXY TCP4  0.0.0.0 0 0\r\n", // was refused with a client
		"PROXY TCP4 192.0.2.1 198.51.100.1 56324 80\r\nGET", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n", "PROXY UNKNOWN\r\n",
		proxy2(0x21, 0x11, v4), proxy2(0x20, 0, ""), proxy2(0x21, 0x21, addresses("2001:db8::1", "::1")+"\x20\x00\x05\x01\x00\x00\x00\x00"),
		proxy2(0x21, 0x31, strings.Repeat("x", 216)+"\x04\x00\x00") + "\x16\x03",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		whole := bytes.NewReader(raw)
		p, err := readProxy(whole)
		slowly := bytes.NewReader(raw)
		slow, slowErr := readProxy(oneByOne{slowly})
		if p != slow || (err == nil) != (slowErr == nil) || whole.Len() != slowly.Len() {
			t.Fatalf("%q: %+v %v at once, %+v %v byte by byte", raw, p, err, slow, slowErr)
		}
		used := raw[:len(raw)-whole.Len()]
		if len(used) > len(proxyV2)+4+maxProxyV2 {
			t.Fatalf("%d bytes were read", len(used))
		}
		if err != nil {
			if p.client.IsValid() {
				t.Fatalf("%q is refused, and believed: %+v", raw, p)
			}
			return
		}
		if again, err := readProxy(bytes.NewReader(used)); err != nil || again != p {
			t.Fatalf("%q is %+v, but with nothing after it %+v, %v", raw, p, again, err)
		}
		if _, err := readProxy(bytes.NewReader(used[:len(used)-1])); err == nil {
			t.Fatalf("%q can do without its last byte", used)
		}
		if p.client.Is4In6() || p.client.Zone() != "" {
			t.Fatalf("%q names %s", raw, p.client)
		}
		if used[0] == 'P' && (len(used) > maxProxyV1 || bytes.IndexByte(used, '\n') != len(used)-1) {
			t.Fatalf("%q is no line", used)
		}
	})
}
