package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister/internal/engine"
)

// changes gives every space another range, one after the other, while a trusted client talks to the first one without
// a pause; and tells how long a change takes until a client is shut out and let in, and what the talk noticed.
func (m *machine) changes(spaces []engine.Space) error {
	if err := m.background(m.self, "echo", "0.0.0.0:"+strconv.Itoa(webPort)); err != nil {
		return err
	}
	to := spaces[0].Ingress[0].String() + ":80"
	talk := exec.Command("ip", "netns", "exec", "internet", m.self, "talk", to)
	in, err := talk.StdinPipe()
	if err != nil {
		return err
	}
	out, err := talk.StdoutPipe()
	if err != nil {
		return err
	}
	talk.Stderr = os.Stderr
	if err := talk.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		return fmt.Errorf("talk to %s: %w", to, err)
	}
	var took []time.Duration
	for i, s := range spaces {
		s.Trusted[len(s.Trusted)-1] = netip.PrefixFrom(netip.AddrFrom4([4]byte{22, byte(i), 0, 0}), 24)
		start := time.Now()
		if err := m.engine.EnsureSpace(m.ctx, s); err != nil {
			return err
		}
		took = append(took, time.Since(start))
	}
	in.Close()
	said, err := lines.ReadString('\n')
	if err := talk.Wait(); err != nil {
		return fmt.Errorf("talk to %s: %w", to, err)
	} else if said == "" {
		return err
	}
	fmt.Printf("\n%d spaces with %d ranges each: a change is in force after %s (median)\n", len(spaces), len(spaces[0].Trusted), median(took).Round(100*time.Microsecond))
	fmt.Printf("a trusted client meanwhile: %s\n", strings.TrimSpace(said))
	return nil
}

// echo answers with what it hears.
func echo(address string) error {
	return serve(address, func(c net.Conn) { io.Copy(c, c) })
}

// talk says something and waits for the answer, on one connection, until its input ends; then it tells how that went.
func talk(address string) error {
	c, err := net.DialTimeout("tcp4", address, 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	over := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(over) }()
	var longest time.Duration
	n, buf := 0, make([]byte, 8)
	for fmt.Println("talking"); ; n++ {
		select {
		case <-over:
			lost, err := retransmits(c.(*net.TCPConn))
			fmt.Printf("%d exchanges, the longest took %s, %d packets sent again\n", n, longest.Round(100*time.Microsecond), lost)
			return err
		default:
		}
		start := time.Now()
		c.SetDeadline(start.Add(10 * time.Second))
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
		longest = max(longest, time.Since(start))
	}
}

func retransmits(c *net.TCPConn) (n uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var info *unix.TCPInfo
	if cerr := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); cerr != nil || err != nil {
		return 0, fmt.Errorf("ask for retransmissions: %w", err)
	}
	return info.Total_retrans, nil
}
