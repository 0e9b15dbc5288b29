package cli

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strconv"

	"github.com/cloister-dev/cloister/internal/cli/term"
)

var errBroken = errors.New("the connection to the dyno broke")

// exitMark comes before the exit status in the output of a command that is asked for it. Heroku's CLI uses the same:
// a character that no text has, and words that servers know.
const exitMark = "\uFFFF heroku-command-exit-status: "

// rendezvous connects to a one-off dyno. Over TLS the secret of the URL is sent; the first line that comes back says
// that the dyno is up, and everything after is the dyno's. With raw it is so to the last byte, and no exit status is told.
func rendezvous(ctx context.Context, attach string, roots *x509.CertPool, raw bool) (attached, error) {
	u, err := url.Parse(attach)
	if err != nil || u.Scheme != "rendezvous" || u.Port() == "" {
		return attached{}, errors.New("the server gave an address to attach to that this program does not know: use Heroku's CLI, by 'cloister heroku -- run'")
	}
	d := tls.Dialer{Config: &tls.Config{RootCAs: roots}}
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return attached{}, fmt.Errorf("attach to the dyno: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	secret, closes := u.Path[min(1, len(u.Path)):], u.RawQuery == "eof=eot"
	if closes { // a server that knows of a better way: no byte of the input has to stand for its end
		u.RawQuery = "eof=close"
		if raw {
			u.RawQuery = "eof=raw"
		}
	}
	if u.RawQuery != "" {
		secret += "?" + u.RawQuery
	}
	in := bufio.NewReader(conn)
	_, err = io.WriteString(conn, secret+"\r\n")
	if err == nil {
		_, err = in.ReadString('\n')
	}
	if err != nil {
		stop()
		conn.Close()
		return attached{}, fmt.Errorf("wait for the dyno: %w", err)
	}
	return attached{conn.(*tls.Conn), in, closes}, nil
}

// attached is a connection of which a line was read already.
type attached struct {
	*tls.Conn
	in     *bufio.Reader
	closes bool // its input is ended by closing our side
}

func (a attached) Read(p []byte) (int, error) { return a.in.Read(p) }

// end says that no more input will come: if need be, as a terminal would say it.
func (a attached) end() {
	if a.closes {
		a.CloseWrite()
		return
	}
	a.Write([]byte{4})
}

// attach connects this terminal with a dyno until the dyno ends. status is -1 when no exit status was told.
func (s *Session) attach(ctx context.Context, conn attached, noTTY bool) (status int, err error) {
	interactive := !noTTY && term.IsTerminal(s.Term.In)
	if interactive {
		restore, err := s.Term.Raw()
		if err != nil {
			return -1, err
		}
		defer restore()
	}
	// The copy may stay in a read of the terminal when the dyno has ended: the program ends with it.
	go func() {
		if _, err := io.Copy(conn, s.Term.In); err == nil && !interactive {
			conn.end()
		}
	}()
	status, err = output(s.Term.Out, conn)
	if ctx.Err() != nil {
		return status, context.Cause(ctx)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errBroken
	}
	return status, err
}

var exitLine = regexp.MustCompile("\uFFFF heroku-command-exit-status: ([0-9]+)\r?\n?")

// output copies what a dyno prints, but for the line that tells its exit status.
func output(w io.Writer, r io.Reader) (status int, err error) {
	status = -1
	mark := []byte("\uFFFF")
	var held []byte // from the mark on: its line is not complete yet
	buf := make([]byte, 32<<10)
	for {
		n, rerr := r.Read(buf)
		held = append(held, buf[:n]...)
		for m := exitLine.FindSubmatchIndex(held); m != nil && (held[m[1]-1] == '\n' || rerr != nil); m = exitLine.FindSubmatchIndex(held) {
			if status < 0 { // a second one is the server's, of the shell that told the first
				status, _ = strconv.Atoi(string(held[m[2]:m[3]]))
			}
			held = append(held[:m[0]:m[0]], held[m[1]:]...)
		}
		keep := len(held)
		if rerr == nil {
			keep = beginning(held, mark)
		}
		if _, err := w.Write(held[:keep]); err != nil {
			return status, err
		}
		held = append(held[:0:0], held[keep:]...)
		if rerr == io.EOF {
			return status, nil
		}
		if rerr != nil {
			return status, rerr
		}
	}
}

// beginning is where a mark, or the beginning of one at the very end, starts in b; len(b) when there is none. A mark
// that a hundred bytes follow is no exit status.
func beginning(b, mark []byte) int {
	for i := max(0, len(b)-100); i < len(b); i++ {
		rest := b[i:]
		n := min(len(rest), len(mark))
		if string(rest[:n]) == string(mark[:n]) {
			return i
		}
	}
	return len(b)
}
