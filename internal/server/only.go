package server

import "net"

// An only listener hands on the connections that it is to let in, and closes all others.
type only struct {
	net.Listener
	lets func(net.Conn) bool
}

func (l only) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.lets(c) {
			return c, nil
		}
		c.Close()
	}
}
