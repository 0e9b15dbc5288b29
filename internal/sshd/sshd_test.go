package sshd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A place is an Sshd over processes in Go, for one client who has a pass.
type place struct {
	t    *testing.T
	sshd *Sshd
	addr string
	key  ssh.Signer
	user string
	host string // the server's key

	mu     sync.Mutex
	now    time.Time
	wishes []Wish
	sizes  []string
	closed bool // nobody may go inside any more
	ended  chan string
}

// A process is a Session in Go.
type process func(ctx context.Context, t engine.Terminal) (int, error)

func (p process) Run(ctx context.Context, t engine.Terminal) (int, error) {
	t.Began()
	return p(ctx, t)
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, now: time.Now(), ended: make(chan string, 100)}
	_, own, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	p.key = newKey(t)
	p.sshd, err = New(Config{Key: own, Enter: p.enter, Dir: t.TempDir(), Now: p.clock}, slog.New(slog.DiscardHandler))
	must(t, err)
	p.user, p.host, err = p.sshd.Offer(cloister.Actor{User: cloister.User{Email: "ada@example.com"}}, "app", "web.1", string(ssh.MarshalAuthorizedKey(p.key.PublicKey())))
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.sshd.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return p
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	s, err := ssh.NewSignerFromKey(key)
	must(t, err)
	return s
}

func (p *place) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *place) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// enter knows few commands: "exit 3", "cat", "hang", and those that files are read by.
func (p *place) enter(_ context.Context, pass Pass, w Wish) (Session, func(columns, lines int), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wishes = append(p.wishes, w)
	if pass.App != "app" || pass.Dyno != "web.1" || pass.Actor.User.Email != "ada@example.com" {
		return nil, nil, fmt.Errorf("not the pass of this place: %+v", pass)
	}
	if p.closed {
		return nil, nil, cloister.Errorf(cloister.Forbidden, "You may not.")
	}
	resize := func(columns, lines int) { p.set(func() { p.sizes = append(p.sizes, fmt.Sprint(columns, "x", lines)) }) }
	return process(func(ctx context.Context, t engine.Terminal) (int, error) {
		defer func() { p.ended <- w.Command + w.Dial }()
		switch {
		case w.Dial == "0.0.0.0:80" || w.Command == "cat" || w.Command == "bash":
			if w.Dial != "" {
				t.Out.Write([]byte{0})
			}
			_, err := io.Copy(t.Out, t.In)
			return 0, err
		case w.Dial == "silent:80":
			return 1, nil
		case w.Dial != "":
			fmt.Fprintf(t.Err, "dial %s: refused\n", w.Dial)
			return 1, nil
		case w.Command == "hang":
			io.WriteString(t.Out, "hanging\n")
			<-ctx.Done()
			return 137, nil
		case w.Command == "lost":
			return 137, cloister.Errorf(cloister.Unavailable, "The connection to the dyno was lost.")
		case strings.HasPrefix(w.Command, "cat -- '/app/big'"):
			for {
				if _, err := t.Out.Write(make([]byte, 1<<20)); err != nil {
					return 141, nil
				}
			}
		case strings.HasPrefix(w.Command, "cat -- '/app/it'\\''s'"):
			io.WriteString(t.Out, strings.Repeat("0123456789", 20_000))
			return 0, nil
		case strings.HasPrefix(w.Command, "stat -L -c '%s %f %Y' -- '/app/it'\\''s'"):
			io.WriteString(t.Out, "200000 81a4 1774746123\n")
			return 0, nil
		case w.Command == "at once":
			go io.Copy(io.Discard, t.In)
			return 0, nil
		case strings.HasPrefix(w.Command, "cat -- ") || strings.HasPrefix(w.Command, "stat "):
			io.WriteString(t.Err, "cat: x: No such file or directory\n")
			return 1, nil
		}
		io.WriteString(t.Out, "out\n")
		io.WriteString(t.Err, "err\n")
		return 3, nil
	}), resize, nil
}

// client comes in with a name and a key.
func (p *place) client(user string, key ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", p.addr, &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, Timeout: 10 * time.Second,
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			if got := k.Type() + " " + base64.StdEncoding.EncodeToString(k.Marshal()); got != p.host {
				return fmt.Errorf("the server's key is %s, not %s", got, p.host)
			}
			return nil
		}})
}

func (p *place) in() *ssh.Client {
	p.t.Helper()
	c, err := p.client(p.user, p.key)
	must(p.t, err)
	p.t.Cleanup(func() { c.Close() })
	return c
}

func (p *place) session(c *ssh.Client) *ssh.Session {
	p.t.Helper()
	s, err := c.NewSession()
	must(p.t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// finishes waits until a process has ended.
func (p *place) finishes(what string) {
	p.t.Helper()
	select {
	case got := <-p.ended:
		if got != what {
			p.t.Errorf("%q ended, not %q", got, what)
		}
	case <-time.After(10 * time.Second):
		p.t.Fatalf("%s goes on", what)
	}
}

func TestACommandHasTwoOutputsAndAStatus(t *testing.T) {
	p := newPlace(t)
	c := p.in()
	s := p.session(c)
	var out, errs bytes.Buffer
	s.Stdout, s.Stderr = &out, &errs
	err := s.Run("exit 3")
	var exit *ssh.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 3 || out.String() != "out\n" || errs.String() != "err\n" {
		t.Errorf("%v, output %q, %q", err, out.String(), errs.String())
	}
	if w := p.wishes[0]; w.Command != "exit 3" || !w.NoTTY || len(w.Env) != 0 {
		t.Errorf("%+v", w)
	}
	s = p.session(c) // another on the same connection
	s.Stdin = strings.NewReader(strings.Repeat("x", 1<<20))
	got, err := s.Output("cat")
	if err != nil || len(got) != 1<<20 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	errs.Reset()
	s = p.session(c)
	s.Stderr = &errs
	if err := s.Run("lost"); err == nil || !strings.Contains(errs.String(), "The connection to the dyno was lost.") {
		t.Errorf("%v, %q", err, errs.String())
	}
}

func TestAShellHasATerminalThatChanges(t *testing.T) {
	p := newPlace(t)
	s := p.session(p.in())
	must(t, s.RequestPty("vt100", 31, 97, nil))
	must(t, s.WindowChange(40, 100))
	in, err := s.StdinPipe()
	must(t, err)
	out, err := s.StdoutPipe()
	must(t, err)
	must(t, s.Shell())
	io.WriteString(in, "typed")
	if _, err := io.ReadFull(out, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	must(t, s.WindowChange(50, 120))
	if ok, err := s.SendRequest("env", true, ssh.Marshal(struct{ Name, Value string }{"LD_PRELOAD", "x"})); ok || err != nil {
		t.Errorf("a client sets variables: %v, %v", ok, err)
	}
	in.Close()
	must(t, s.Wait())
	w := p.wishes[0]
	if w.Command != "bash" || w.NoTTY || w.Env["TERM"] != "vt100" || w.Env["COLUMNS"] != "97" || w.Env["LINES"] != "31" || len(w.Env) != 3 {
		t.Errorf("%+v", w)
	}
	if got := fmt.Sprint(p.sizes); got != "[100x40 120x50]" {
		t.Errorf("its window was %s", got)
	}
}

func TestWhoGoesEndsWhatHangs(t *testing.T) {
	p := newPlace(t)
	for _, leave := range []func(*ssh.Client, *ssh.Session){
		func(c *ssh.Client, _ *ssh.Session) { c.Close() },
		func(_ *ssh.Client, s *ssh.Session) { s.Close() },
	} {
		c := p.in()
		s := p.session(c)
		out, err := s.StdoutPipe()
		must(t, err)
		must(t, s.Start("hang"))
		if _, err := io.ReadFull(out, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		leave(c, s)
		p.finishes("hang")
	}
}

func TestConnectionsAreMadeFromInside(t *testing.T) {
	p := newPlace(t)
	c := p.in()
	conn, err := c.Dial("tcp", "0.0.0.0:80")
	must(t, err)
	go func() {
		io.WriteString(conn, strings.Repeat("y", 1<<20))
		conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	if got, err := io.ReadAll(conn); len(got) != 1<<20 || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	p.finishes("0.0.0.0:80")
	for to, want := range map[string]string{"1.2.3.4:81": "dial 1.2.3.4:81: refused", "silent:80": "connect"} {
		if _, err := c.Dial("tcp", to); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", to, err)
		}
		p.finishes(to)
	}
	conn, err = c.Dial("tcp", "0.0.0.0:80")
	must(t, err)
	conn.Close()
	p.finishes("0.0.0.0:80")
	if _, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("a client can listen")
	}
	if _, _, err := c.OpenChannel("x11", nil); err == nil {
		t.Error("a client can have any channel")
	}
}

func TestFilesAreReadAndNotWritten(t *testing.T) {
	p := newPlace(t)
	f, err := sftp.NewClient(p.in())
	must(t, err)
	defer f.Close()
	file, err := f.Open("it's")
	must(t, err)
	info, err := file.Stat()
	must(t, err)
	got, err := io.ReadAll(file)
	if err != nil || info.Size() != 200_000 || string(got) != strings.Repeat("0123456789", 20_000) {
		t.Errorf("%d of %d bytes, %v", len(got), info.Size(), err)
	}
	f2, err := sftp.NewClient(p.in())
	must(t, err)
	defer f2.Close()
	if info, err := f2.Stat("it's"); err != nil || info.Size() != 200_000 || info.Mode() != 0o644 || info.ModTime().Unix() != 1774746123 {
		t.Errorf("%v, %v", info, err)
	}
	for what, err := range map[string]error{
		"open":   second(f.Open("nothing")),
		"stat":   second(f.Stat("nothing")),
		"write":  second(f.Create("it's")),
		"remove": f.Remove("it's"),
		"list":   second(f.ReadDir("/app")),
	} {
		if err == nil {
			t.Errorf("%s goes well", what)
		} else if (what == "open" || what == "stat") && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if left, _ := os.ReadDir(p.sshd.config.Dir); len(left) != 0 {
		t.Errorf("%d files are left here", len(left))
	}
	if _, err := f.Open("big"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a file without end: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestOnlyWhoHasAPassComesIn(t *testing.T) {
	p := newPlace(t)
	for who, try := range map[string]func() (*ssh.Client, error){
		"another key":  func() (*ssh.Client, error) { return p.client(p.user, newKey(t)) },
		"another name": func() (*ssh.Client, error) { return p.client("root", p.key) },
		"a password": func() (*ssh.Client, error) {
			return ssh.Dial("tcp", p.addr, &ssh.ClientConfig{User: p.user, Auth: []ssh.AuthMethod{ssh.Password(p.user)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		},
		"nothing": func() (*ssh.Client, error) {
			return ssh.Dial("tcp", p.addr, &ssh.ClientConfig{User: p.user, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		},
	} {
		if c, err := try(); err == nil {
			c.Close()
			t.Errorf("%s comes in", who)
		}
	}
	c := p.in() // it works more than once
	p.set(func() { p.closed = true })
	s := p.session(c)
	var errs bytes.Buffer
	s.Stderr = &errs
	if err := s.Run("cat"); err == nil || !strings.Contains(errs.String(), "You may not.") {
		t.Errorf("what was taken from one who is inside goes on: %v, %q", err, errs.String())
	}
	if _, err := c.Dial("tcp", "0.0.0.0:80"); err == nil || !strings.Contains(err.Error(), "You may not.") {
		t.Errorf("%v", err)
	}
	p.set(func() { p.now = p.now.Add(passFor - time.Second) })
	p.in()
	p.set(func() { p.now = p.now.Add(passFor - time.Second) })
	p.in() // it was used meanwhile
	p.set(func() { p.now = p.now.Add(passFor + time.Second) })
	if _, err := p.client(p.user, p.key); err == nil {
		t.Error("an old pass is as good as a new one")
	}
	if _, _, err := p.sshd.Offer(cloister.Actor{}, "app", "web.1", "not a key"); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("%v", err)
	}
	if n := len(p.sshd.passes); n != 1 {
		t.Errorf("%d passes", n)
	}
	key := string(ssh.MarshalAuthorizedKey(p.key.PublicKey()))
	for range maxPasses + 5 {
		_, _, err := p.sshd.Offer(cloister.Actor{}, "app", "web.1", key)
		must(t, err)
	}
	if n := len(p.sshd.passes); n != maxPasses {
		t.Errorf("%d passes are kept", n)
	}
}
