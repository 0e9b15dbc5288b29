package sshd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// What a client says of a connection it wants (RFC 4254, 7.2).
type tcpRequest struct {
	Host       string
	Port       uint32
	Origin     string
	OriginPort uint32
}

// forward serves a channel that is a connection from inside the dyno. It is accepted when there is one.
func (v *visit) forward(ctx context.Context, open ssh.NewChannel) {
	var to tcpRequest
	if err := ssh.Unmarshal(open.ExtraData(), &to); err != nil {
		open.Reject(ssh.ConnectionFailed, "the request is not one for a connection")
		return
	}
	s, _, err := v.sshd.config.Enter(ctx, v.pass, Wish{Dial: net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))), NoTTY: true})
	if err != nil {
		open.Reject(ssh.Prohibited, cloister.MessageOf(err))
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &passage{open: open, gone: cancel, opened: make(chan struct{}), ctx: ctx}
	var why bytes.Buffer
	_, err = s.Run(ctx, engine.Terminal{In: (*passageIn)(p), Out: (*passageOut)(p), Err: &why, Began: func() {}})
	if p.ch != nil {
		p.ch.CloseWrite()
		p.ch.Close()
		return
	}
	text := strings.TrimSpace(why.String())
	if err != nil {
		text = cloister.MessageOf(err)
	}
	open.Reject(ssh.ConnectionFailed, text)
}

// A passage is a channel that is opened by the first byte of what comes (see engine.Process.Dial).
type passage struct {
	open   ssh.NewChannel
	gone   func() // the client has closed the channel
	ctx    context.Context
	opened chan struct{} // closed when ch is there
	ch     ssh.Channel
}

type (
	passageIn  passage
	passageOut passage
)

var errNotOpened = errors.New("the connection does not begin as it should")

func (p *passageOut) Write(b []byte) (int, error) {
	if p.ch != nil {
		return p.ch.Write(b)
	}
	if len(b) == 0 {
		return 0, nil
	}
	if b[0] != 0 {
		return 0, errNotOpened
	}
	ch, requests, err := p.open.Accept()
	if err != nil {
		return 0, err
	}
	go func() {
		ssh.DiscardRequests(requests)
		p.gone()
	}()
	p.ch = ch
	close(p.opened)
	n, err := ch.Write(b[1:])
	return n + 1, err
}

func (p *passageIn) Read(b []byte) (int, error) {
	select {
	case <-p.opened:
		return p.ch.Read(b)
	case <-p.ctx.Done():
		return 0, io.ErrUnexpectedEOF
	}
}
