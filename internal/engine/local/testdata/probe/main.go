// Command probe is what tests run inside workloads and outside, where a shell is too blunt: it opens one connection
// and says what happened, or answers everybody.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const patience = 800 * time.Millisecond

func main() {
	if len(os.Args) < 3 {
		fail("usage: probe dial NETWORK ADDRESS | serve ADDRESS… | ping ADDRESS | none ADDRESS… | hold ADDRESS | capture SOURCE | flood ADDRESS FLOWS | eat MEGABYTES | watch DIRECTORY")
	}
	switch os.Args[1] {
	case "dial":
		dial(os.Args[2], os.Args[3])
	case "serve":
		serve(os.Args[2:])
	case "none":
		none(os.Args[2:])
	case "ping":
		ping(os.Args[2])
	case "hold":
		hold(os.Args[2])
	case "capture":
		capture(os.Args[2])
	case "flood":
		flood(os.Args[2], os.Args[3])
	case "eat":
		eat(os.Args[2])
	case "watch":
		watch(os.Args[2])
	}
}

// dial says hello and prints the answer: the address that the other side saw.
func dial(network, address string) {
	seen, err := ask(network, address)
	if err != nil {
		fail(err)
	}
	fmt.Print(seen)
}

func ask(network, address string) (string, error) {
	c, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintln(c, "hello")
	buf := make([]byte, 512)
	n, err := c.Read(buf)
	return string(buf[:n]), err
}

// none tries all addresses in every way and fails if one answers.
func none(addresses []string) {
	var tries sync.WaitGroup
	for _, a := range addresses {
		for _, network := range []string{"tcp", "udp"} {
			tries.Go(func() {
				if seen, err := ask(network, a); err == nil {
					fmt.Printf("%s %s answers: %s", network, a, seen)
				}
			})
		}
		host, _, _ := net.SplitHostPort(a)
		tries.Go(func() {
			if echo(host) == nil {
				fmt.Printf("ping %s is answered\n", host)
			}
		})
	}
	tries.Wait()
}

func ping(address string) {
	if err := echo(address); err != nil {
		fail(err)
	}
}

// echo sends one echo request, as every user may, and waits for the reply.
func echo(address string) error {
	c, err := icmp.ListenPacket("udp4", "0.0.0.0")
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	request := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{Seq: 1, Data: []byte("hello")}}
	b, err := request.Marshal(nil)
	if err != nil {
		return err
	}
	if _, err := c.WriteTo(b, &net.UDPAddr{IP: net.ParseIP(address)}); err != nil {
		return err
	}
	buf := make([]byte, 512)
	n, _, err := c.ReadFrom(buf)
	if err != nil {
		return err
	}
	reply, err := icmp.ParseMessage(1, buf[:n])
	if err == nil && reply.Type != ipv4.ICMPTypeEchoReply {
		err = fmt.Errorf("the reply is %v", reply.Type)
	}
	return err
}

// serve tells everybody, on TCP and UDP, what address they come from.
func serve(addresses []string) {
	for _, a := range addresses {
		family := "4"
		if strings.HasPrefix(a, "[") {
			family = "6"
		}
		l, err := net.Listen("tcp"+family, a)
		if err != nil {
			fail(err)
		}
		p, err := net.ListenPacket("udp"+family, a)
		if err != nil {
			fail(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go answer(c)
			}
		}()
		go func() {
			buf := make([]byte, 512)
			for {
				_, from, err := p.ReadFrom(buf)
				if err != nil {
					return
				}
				p.WriteTo([]byte(from.String()+"\n"), from)
			}
		}()
	}
	fmt.Println("ready")
	select {}
}

// answer tells a client its address, once for each line it sends.
func answer(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 512)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
		if _, err := fmt.Fprintln(c, c.RemoteAddr()); err != nil {
			return
		}
	}
}

// hold keeps one connection and says a number for each answer it gets on it.
func hold(address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		fail(err)
	}
	buf := make([]byte, 512)
	for i := 1; ; i++ {
		c.SetDeadline(time.Now().Add(2 * time.Second))
		if _, err := fmt.Fprintln(c, i); err != nil {
			fail(err)
		}
		if _, err := c.Read(buf); err != nil {
			fail(err)
		}
		fmt.Println(i)
		time.Sleep(20 * time.Millisecond)
	}
}

// flood sends one packet for each of so many flows, from many ports.
func flood(address, flows string) {
	n, err := strconv.Atoi(flows)
	to, err2 := netip.ParseAddr(address)
	if err != nil || err2 != nil {
		fail(address)
	}
	var from []*net.UDPConn
	for range 500 {
		c, err := net.ListenUDP("udp4", nil)
		if err != nil {
			fail(err)
		}
		from = append(from, c)
	}
	for i := range n {
		from[i%len(from)].WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(to, uint16(10000+i/len(from))))
	}
}

func eat(megabytes string) {
	n, err := strconv.Atoi(megabytes)
	if err != nil {
		fail(err)
	}
	all := make([]byte, n<<20)
	for i := range all {
		all[i] = byte(i)
	}
	io.Copy(io.Discard, os.Stdin)
	fmt.Println(len(all))
}

// watch says the name of each file that is moved into a directory.
func watch(dir string) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err == nil {
		_, err = unix.InotifyAddWatch(fd, dir, unix.IN_MOVED_TO)
	}
	if err != nil {
		fail(err)
	}
	fmt.Println("ready")
	buf := make([]byte, 4096)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil {
			fail(err)
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			fmt.Println(string(bytes.TrimRight(b[unix.SizeofInotifyEvent:size], "\x00")))
			b = b[size:]
		}
	}
}

func fail(v any) {
	fmt.Fprintln(os.Stderr, "probe:", v)
	os.Exit(1)
}
