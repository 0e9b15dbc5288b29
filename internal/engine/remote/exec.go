package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// protocol is what an Exec's connection is upgraded to.
const protocol = "cloister-exec"

// exec runs a process for a client. The process ends with the connection.
func (s *server) exec(w http.ResponseWriter, r *http.Request) {
	var in execCall
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, cloister.Errorf(cloister.BadRequest, "The call is not JSON: %v.", err))
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse(w, fmt.Errorf("take over connection: %w", err))
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol)

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	f := &frames{conn: conn, from: buffered}
	resize, hangup := make(chan engine.Window, 1), make(chan struct{}, 1)
	input := newInbox(func(n int) { f.write(frameUsed, binary.BigEndian.AppendUint32(nil, uint32(n))) })
	defer input.close(io.ErrClosedPipe)
	go func() {
		defer cancel() // whoever hangs up wants the process to end
		input.close(listen(f, input, resize, hangup))
	}()

	t := engine.Terminal{TTY: in.TTY, Window: in.Window, Resize: resize, Hangup: hangup,
		Began: func() { f.write(frameBegan, nil) }}
	if in.In {
		t.In = input
	}
	if in.Out {
		t.Out = f.to(frameOut)
	}
	if in.Err {
		t.Err = f.to(frameErr)
	}
	exit, err := s.engine.Exec(ctx, in.ID, in.Process, t)
	if ctx.Err() != nil {
		return // cut, not ended: the client tells the two apart
	}
	last, _ := json.Marshal(exitFrame{exit, faultOf(err)})
	f.write(frameExit, last)
}

// listen hears the client out until it hangs up.
func listen(f *frames, input *inbox, resize chan engine.Window, hangup chan struct{}) error {
	buf := make([]byte, maxFrame)
	for {
		kind, payload, err := f.read(buf)
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		switch kind {
		case frameIn:
			if err := input.put(payload); err != nil {
				return err
			}
		case frameInEnd:
			input.close(io.EOF)
		case frameHangup:
			select { // one that waits is as good as two
			case hangup <- struct{}{}:
			default:
			}
		case frameWindow:
			if len(payload) != 4 {
				return errors.New("read window: not four bytes")
			}
			select { // the newest counts
			case <-resize:
			default:
			}
			resize <- engine.Window{Rows: binary.BigEndian.Uint16(payload), Columns: binary.BigEndian.Uint16(payload[2:])}
		}
	}
}

// Exec runs a process in a workload, over a connection of its own.
func (c *Client) Exec(ctx context.Context, id string, p engine.Process, t engine.Terminal) (int, error) {
	f, hangUp, err := c.upgrade(ctx, execCall{ID: id, Process: p, Window: t.Window, TTY: t.TTY,
		In: t.In != nil, Out: t.Out != nil, Err: t.Err != nil})
	if err != nil {
		return 0, err
	}
	defer hangUp()
	defer context.AfterFunc(ctx, hangUp)()
	input, done := newCredit(), make(chan struct{})
	defer input.close()
	defer close(done)
	if t.In != nil {
		go sendInput(f, t.In, input) // not waited for: the input may stay open long after the process
	}
	if t.Resize != nil {
		go sendWindows(f, t.Resize, done)
	}
	if t.Hangup != nil {
		go sendHangups(f, t.Hangup, done)
	}
	type result struct {
		exit int
		err  error
	}
	ended := make(chan result, 1)
	go func() {
		exit, err := receive(f, t, input)
		ended <- result{exit, err}
	}()
	select {
	case r := <-ended:
		if errors.As(r.err, new(*away)) && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return r.exit, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// upgrade makes the call and turns its connection into frames.
func (c *Client) upgrade(ctx context.Context, in execCall) (*frames, func(), error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, nil, fmt.Errorf("encode call: %w", err)
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, nil, gone(ctx, err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://engine"+pathExec, bytes.NewReader(text))
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("make call: %w", err)
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", protocol)
	from := bufio.NewReaderSize(conn, maxFrame)
	var answer *http.Response
	if err = r.Write(conn); err == nil {
		answer, err = http.ReadResponse(from, r)
	}
	if err != nil {
		conn.Close()
		return nil, nil, gone(ctx, err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		defer conn.Close()
		return nil, nil, read(ctx, answer)
	}
	return &frames{conn: conn, from: from}, func() { conn.Close() }, nil
}

func sendInput(f *frames, in io.Reader, c *credit) {
	buf := make([]byte, maxFrame)
	for {
		n, err := in.Read(buf)
		for rest := buf[:n]; len(rest) > 0; {
			part, ok := c.take(len(rest))
			if !ok || f.write(frameIn, rest[:part]) != nil {
				return
			}
			rest = rest[part:]
		}
		if err != nil {
			f.write(frameInEnd, nil)
			return
		}
	}
}

func sendWindows(f *frames, windows <-chan engine.Window, done <-chan struct{}) {
	for {
		select {
		case w, ok := <-windows:
			if !ok {
				return
			}
			b := binary.BigEndian.AppendUint16(nil, w.Rows)
			f.write(frameWindow, binary.BigEndian.AppendUint16(b, w.Columns))
		case <-done:
			return
		}
	}
}

func sendHangups(f *frames, hangups <-chan struct{}, done <-chan struct{}) {
	for {
		select {
		case _, ok := <-hangups:
			if !ok {
				return
			}
			f.write(frameHangup, nil)
		case <-done:
			return
		}
	}
}

// receive hears the server out until it tells the exit.
func receive(f *frames, t engine.Terminal, c *credit) (int, error) {
	buf := make([]byte, maxFrame)
	for {
		kind, payload, err := f.read(buf)
		if err != nil {
			return 0, &away{err}
		}
		switch kind {
		case frameBegan:
			if t.Began != nil {
				t.Began()
			}
		case frameOut:
			_, err = t.Out.Write(payload)
		case frameErr:
			_, err = t.Err.Write(payload)
		case frameUsed:
			if len(payload) == 4 {
				c.give(int(binary.BigEndian.Uint32(payload)))
			}
		case frameExit:
			var x exitFrame
			if err := json.Unmarshal(payload, &x); err != nil {
				return 0, fmt.Errorf("read exit: %w", err)
			}
			return x.Exit, x.Error.err()
		}
		if err != nil {
			return 0, fmt.Errorf("write output: %w", err)
		}
	}
}
