package sshd

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A visit is one connection of a client.
type visit struct {
	sshd *Sshd
	pass Pass
}

// What a client says of its terminal (RFC 4254, 6.2 and 6.7).
type (
	ptyRequest struct {
		Term          string
		Columns, Rows uint32
		Width, Height uint32
		Modes         string
	}
	windowChange struct{ Columns, Rows, Width, Height uint32 }
)

// session serves a channel on which the client asks for a shell, a command, or files.
func (v *visit) session(ctx context.Context, open ssh.NewChannel) {
	ch, requests, err := open.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wish := Wish{Env: map[string]string{}, NoTTY: true}
	w := &window{}
	answer(ch, requests, cancel, func(r *ssh.Request, started bool) (ok bool, start func()) {
		switch r.Type {
		case "pty-req":
			var p ptyRequest
			if ok = !started && ssh.Unmarshal(r.Payload, &p) == nil; ok {
				wish.NoTTY = false
				wish.Env["TERM"], wish.Env["COLUMNS"], wish.Env["LINES"] = termName(p.Term), size(p.Columns, 80), size(p.Rows, 24)
			}
		case "window-change":
			var c windowChange
			if ok = ssh.Unmarshal(r.Payload, &c) == nil; ok {
				w.set(int(c.Columns), int(c.Rows))
			}
		case "shell", "exec":
			var command struct{ Text string }
			ok = !started && (r.Type == "shell" || ssh.Unmarshal(r.Payload, &command) == nil && command.Text != "")
			if ok {
				if wish.Command = command.Text; r.Type == "shell" {
					wish.Command = "bash"
				}
				start = func() { v.run(ctx, ch, wish, w) }
			}
		case "subsystem":
			var name struct{ Text string }
			if ok = !started && ssh.Unmarshal(r.Payload, &name) == nil && name.Text == "sftp"; ok {
				start = func() { v.files(ctx, ch) }
			}
		}
		return ok, start
	})
}

// answer answers the requests of a channel until the client closes it, or goes, and then waits for what they started, which
// done ends. want says whether the client gets what it asks for and what starts by that, once it knows; what has started
// closes the channel when it ends.
func answer(ch ssh.Channel, requests <-chan *ssh.Request, done func(), want func(r *ssh.Request, started bool) (ok bool, start func())) {
	var all sync.WaitGroup
	started := false
	for r := range requests {
		ok, start := want(r, started)
		if r.WantReply {
			r.Reply(ok, nil)
		}
		if start != nil {
			started = true
			all.Go(func() { start(); ch.Close() })
		}
	}
	done()
	all.Wait()
}

// run runs a command, and tells its exit status.
func (v *visit) run(ctx context.Context, ch ssh.Channel, wish Wish, w *window) {
	exit := 1
	s, resize, err := v.sshd.config.Enter(ctx, v.pass, wish)
	if err == nil {
		w.follow(resize)
		settling := engine.NewSettling(v.sshd.config.Settle)
		t := engine.Terminal{In: listening{ch, settling}, Out: ch, Err: ch.Stderr(), Began: settling.Began}
		exit, err = s.Run(ctx, t)
		settling.Wait(ctx)
	}
	if err != nil {
		complain(ch, wish, err)
	}
	end(ch, exit)
}

// A listening reader notes that the client has spoken, or has no more to say.
type listening struct {
	io.Reader
	settling *engine.Settling
}

func (l listening) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	l.settling.Heard()
	return n, err
}

// complain tells a client why there is no more, where it will be seen: a terminal has one output.
func complain(ch ssh.Channel, wish Wish, err error) {
	var to io.Writer = ch.Stderr()
	if !wish.NoTTY {
		to = ch
	}
	fmt.Fprintf(to, "\r\n%s\r\n", strings.TrimSpace(cloister.MessageOf(err)))
}

// A window is the size of a client's terminal, which may change before the command runs.
type window struct {
	mu             sync.Mutex
	columns, lines int
	resize         func(columns, lines int)
}

func (w *window) set(columns, lines int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.columns, w.lines = columns, lines
	w.tell()
}

func (w *window) follow(resize func(columns, lines int)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resize = resize
	w.tell()
}

func (w *window) tell() {
	if w.resize != nil && w.columns > 0 && w.columns <= cloister.MaxWindow && w.lines > 0 && w.lines <= cloister.MaxWindow {
		w.resize(w.columns, w.lines)
	}
}

func size(n uint32, otherwise int) string {
	if n == 0 || n > cloister.MaxWindow {
		return strconv.Itoa(otherwise)
	}
	return strconv.Itoa(int(n))
}

// termName is the name of a terminal, if it is one: it goes into an environment.
func termName(s string) string {
	if s == "" || len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "xterm"
	}
	return s
}
