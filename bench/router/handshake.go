package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A shake is TLS 1.3 handshakes, one after the other by 16 clients; whole ones, or those of clients that come again
// with a ticket. All contenders agree on X25519: some can do no more, and for the others more would be more work.
type shake struct{ again bool }

func (s shake) title() string {
	if s.again {
		return "Handshakes by ticket"
	}
	return "Handshakes"
}

const shakeTime = 700 * time.Millisecond

func (s shake) run(_ string, c *contender) (result, error) {
	config := &tls.Config{ServerName: "demo.test", InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}}
	if s.again {
		ticket := new(oneTicket)
		config.ClientSessionCache = ticket
		if err := ticket.get(c.safe, config); err != nil {
			return result{}, err
		}
	}
	var wg sync.WaitGroup
	var done, failed atomic.Int64
	used, began := c.cpu(), time.Now()
	for range 16 {
		wg.Go(func() {
			for time.Since(began) < shakeTime {
				if err := s.once(c.safe, config); err != nil {
					failed.Add(1)
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	used, took := c.cpu()-used, time.Since(began)
	return result{rate: float64(done.Load()) / took.Seconds(), cpu: used / time.Duration(done.Load()), failed: int(failed.Load())}, nil
}

// once shakes hands, says goodbye and waits until the server has gone, so that it has done all it has to do.
func (s shake) once(addr string, config *tls.Config) error {
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer raw.Close()
	c := tls.Client(raw, config)
	if err := c.Handshake(); err != nil {
		return err
	}
	if c.ConnectionState().DidResume != s.again {
		return fmt.Errorf("resumed: %v", !s.again)
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, raw)
	return err
}

// oneTicket keeps the first ticket there is, so that all handshakes are alike.
type oneTicket struct {
	mu      sync.Mutex
	session *tls.ClientSessionState
}

func (t *oneTicket) Get(string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session, t.session != nil
}

func (t *oneTicket) Put(_ string, session *tls.ClientSessionState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session == nil {
		t.session = session
	}
}

// get asks for something, since tickets come with the first answer.
func (t *oneTicket) get(addr string, config *tls.Config) error {
	c, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /1k HTTP/1.1\r\nHost: demo.test\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	io.Copy(io.Discard, c)
	if _, ok := t.Get(""); !ok {
		return fmt.Errorf("%s gives no tickets", addr)
	}
	return nil
}
