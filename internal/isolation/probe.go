package isolation

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Main does nothing in a process that is not a probe. In one that is, it never returns: it is what runs in the
// workloads, as a dyno's own user.
//
//	serve           say who we are to everybody who asks, on ports 5000 and 6000
//	talk ADDRESS    send UDP and TCP to address, from the first moment on, and then serve
//	dial NET ADDR   ask once, and print the answer
//	get URL         fetch a page, following redirects
//	keep FILE TEXT  write a file
//	show FILE       print it
//	powers          print what of an attacker's means this process has
func Main() {
	if os.Args[0] != probePath || len(os.Args) < 2 {
		return
	}
	var err error
	switch args := os.Args[2:]; {
	case os.Args[1] == "serve":
		err = serve(os.Getenv("PROBE"))
	case os.Args[1] == "talk" && len(args) == 1:
		talk(args[0])
		err = serve(os.Getenv("PROBE"))
	case os.Args[1] == "dial" && len(args) == 2:
		var answer string
		answer, err = ask("", args[0], args[1], 700*time.Millisecond)
		fmt.Print(answer)
	case os.Args[1] == "get" && len(args) == 1:
		err = get(args[0])
	case os.Args[1] == "keep" && len(args) == 2:
		err = os.WriteFile(args[0], []byte(args[1]), 0o600)
	case os.Args[1] == "show" && len(args) == 1:
		var b []byte
		b, err = os.ReadFile(args[0])
		os.Stdout.Write(b)
	case os.Args[1] == "powers":
		fmt.Print(strings.Join(powers(), "\n"))
	default:
		err = fmt.Errorf("a probe does not know %q", os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve tells everybody our name and the address they come from, on TCP and UDP.
func serve(name string) error {
	for _, at := range []string{":5000", ":6000"} {
		l, p, err := netns("").listen("0.0.0.0" + at)
		if err != nil {
			return err
		}
		go answerTCP(l, name)
		go answerUDP(p, name)
	}
	fmt.Println("ready")
	select {}
}

func answerTCP(l net.Listener, name string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 512)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
				fmt.Fprintf(c, "%s %s\n", name, c.RemoteAddr())
			}
		}()
	}
}

func answerUDP(p net.PacketConn, name string) {
	buf := make([]byte, 2048)
	for {
		_, from, err := p.ReadFrom(buf)
		if err != nil {
			return
		}
		p.WriteTo(fmt.Appendf(nil, "%s %s\n", name, from), from)
	}
}

// ask says hello from inside a namespace, and returns the answer: who it was, and what address they saw.
func ask(from netns, network, address string, patience time.Duration) (string, error) {
	c, err := from.dial(network, address, patience)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(c, "hello"); err != nil {
		return "", err
	}
	buf := make([]byte, 512)
	n, err := c.Read(buf)
	return string(buf[:n]), err
}

// talk sends before anybody could have got the network ready behind its back.
func talk(address string) {
	for range 5 {
		if c, err := net.Dial("udp", address); err == nil {
			fmt.Fprintln(c, "first")
			c.Close()
		}
		if c, err := net.DialTimeout("tcp", address, 200*time.Millisecond); err == nil {
			fmt.Fprintln(c, "first")
			c.Close()
		}
	}
}

func get(url string) error {
	c := http.Client{Timeout: 1500 * time.Millisecond}
	r, err := c.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	_, err = io.Copy(os.Stdout, r.Body)
	return err
}

// powers are the attacker's means that this process has: ways to send what it likes, and to become somebody who may.
// The thread is not fit for anything afterwards.
func powers() (out []string) {
	runtime.LockOSThread()
	for name, open := range map[string]func() (int, error){
		"packet sockets":     func() (int, error) { return unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
		"raw IP sockets":     func() (int, error) { return unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW) },
		"raw ICMP sockets":   func() (int, error) { return unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) },
		"network namespaces": func() (int, error) { return -1, unix.Unshare(unix.CLONE_NEWNET) },
	} {
		if fd, err := open(); err == nil {
			unix.Close(fd)
			out = append(out, name)
		}
	}
	if err := unix.Unshare(unix.CLONE_NEWUSER); err == nil {
		out = append(out, "user namespaces")
	}
	status, _ := os.ReadFile("/proc/thread-self/status")
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch value = strings.TrimSpace(value); {
		case strings.HasPrefix(key, "Cap") && strings.Trim(value, "0") != "":
			out = append(out, key+" "+value)
		case key == "NoNewPrivs" && value != "1":
			out = append(out, "new privileges")
		}
	}
	return out
}
