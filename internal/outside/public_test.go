package outside

import (
	"errors"
	"net"
	"testing"
)

func TestOnlyPublicAddressesAreDialed(t *testing.T) {
	refused := []string{
		"127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "0.0.0.0", "100.64.0.1", "100.127.0.1",
		"169.254.1.1", "169.254.169.254", "168.63.129.16", "100.100.100.200", "198.18.0.1", "198.19.255.255", "192.0.0.192",
		"224.0.0.1", "255.255.255.255", "240.0.0.1",
		"[::1]", "[::]", "[fe80::1]", "[fe80::1%eth0]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]",
		"[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", // mapped
		"[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a00:1]", // embedded, NAT64
		"[2002:7f00:1::1]", "[2001::1]", // 6to4, Teredo
	}
	for _, a := range refused {
		if err := Public("tcp", a+":80", nil); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, a := range []string{"1.1.1.1", "172.15.0.1", "172.32.0.1", "11.0.0.1", "100.63.0.1", "100.128.0.1", "198.20.0.1", "[2606:4700::1111]", "[2a00::1]", "[::ffff:1.1.1.1]"} {
		if err := Public("tcp", a+":443", nil); err != nil {
			t.Errorf("%s is refused: %v", a, err)
		}
	}
	for _, a := range []string{"", "example.com:80", "1.1.1.1"} {
		if err := Public("tcp", a, nil); err == nil {
			t.Errorf("%q is dialed", a)
		}
	}
}

func TestOwnAddressesAreNotDialed(t *testing.T) {
	own, err := net.InterfaceAddrs()
	if err != nil || len(own) == 0 {
		t.Fatal(own, err)
	}
	for _, a := range own {
		ip := a.(*net.IPNet).IP
		if err := Public("tcp", net.JoinHostPort(ip.String(), "80"), nil); err == nil {
			t.Errorf("%s, which is this machine, is dialed", ip)
		}
	}
}
