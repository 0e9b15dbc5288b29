package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const upgrade = "GET / HTTP/1.1\r\nHost: sockets.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// serveSockets is an app that opens WebSockets, and gives back what comes in by them.
func serveSockets() (stop func(), err error) {
	l, err := net.Listen("tcp", socketsAddr)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	open := []net.Conn{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			go func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReaderSize(c, 1024)); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
					"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
				b := make([]byte, 64)
				for n, err := c.Read(b); err == nil; n, err = c.Read(b) {
					c.Write(b[:n])
				}
			}()
		}
	}()
	return func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			c.Close()
		}
	}, nil
}

// idle opens n WebSockets by a contender that has just been started, has each carry a message both ways, and says what each of them takes while
// nothing happens: in memory, of the contender's own.
func idle(dir string, c *contender, n int) (each int64, err error) {
	stop, err := serveSockets()
	if err != nil {
		return 0, err
	}
	defer stop()
	if stop, err = c.start(dir); err != nil {
		return 0, err
	}
	defer stop()
	before := c.memory()
	conns := make([]net.Conn, n)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	}()
	var g errgroup.Group
	g.SetLimit(64)
	for i := range conns {
		g.Go(func() (err error) {
			conns[i], err = socket(c.plain)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	time.Sleep(time.Second)
	return (c.memory() - before) / int64(n), nil
}

func socket(addr string) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, upgrade); err != nil {
		return c, err
	}
	rd := bufio.NewReaderSize(c, 1024)
	answer, err := http.ReadResponse(rd, nil)
	if err != nil {
		return c, err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return c, fmt.Errorf("no WebSocket: %s", answer.Status)
	}
	const frame = "\x81\x85\x00\x00\x00\x00hello" // a masked text
	if _, err := io.WriteString(c, frame); err != nil {
		return c, err
	}
	_, err = io.ReadFull(rd, make([]byte, len(frame)))
	return c, err
}
