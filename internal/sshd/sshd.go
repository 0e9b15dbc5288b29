// Package sshd lets people into running dynos by SSH, in the way of Heroku's ps:exec, ps:copy, ps:forward and ps:socks, and
// lets them come to git, as the user "git", with a key that they have uploaded. It lives in the control process.
//
// A pass is made for one dyno and the key of one client, by somebody who may go there; whoever has the key may come in
// with it, more than once, as each connection through ps:socks is an SSH connection. What they do inside, a command, a
// shell, a file, a connection, is asked for anew each time, on behalf of the one who the pass was made for: it can be
// refused by then.
//
// The package knows no dynos and no people: Config.Enter does. It lets nobody write files, listen for connections, or come
// in with a password.
package sshd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

const (
	shakeWithin = 30 * time.Second // a client has for its handshake
	maxWaiting  = 256              // clients who have not shaken hands yet
	maxChannels = 64               // at once, of one client
	passFor     = time.Hour        // since a pass was used last
	maxPasses   = 1000
	firstLine   = "SSH-2.0-Cloister"
)

// A Session is a process inside a dyno that waits for its client.
type Session interface {
	// Run runs the process on t and returns its exit status when it has ended and all of its output was written. ctx is
	// done when the client has gone.
	Run(ctx context.Context, t engine.Terminal) (exit int, err error)
}

// A Wish is what a client wants inside.
type Wish struct {
	Command string
	Dial    string            // in place of Command: "host:port" to connect to
	Env     map[string]string // COLUMNS, LINES and TERM shape the terminal
	NoTTY   bool
}

// A Pass is for whom, and for which dyno or which data service.
type Pass struct {
	Actor cloister.Actor
	App   string // id
	Dyno  string // id
	Addon string // id, in place of both: only connections are to be had
}

// Config is what an Sshd works with.
type Config struct {
	// Key makes the key of the server.
	Key ed25519.PrivateKey
	// Enter asks for something inside a dyno. resize sets the window of its terminal.
	Enter func(context.Context, Pass, Wish) (s Session, resize func(columns, lines int), err error)
	// Owner finds out whose key it is that comes to git, "ssh-ed25519 AAAA…". An error if nobody's.
	Owner func(ctx context.Context, key string) (cloister.Actor, error)
	// Git does what a client of git wants, on behalf of whose key they have, and returns the exit status. A nil Git lets
	// nobody come to git.
	Git func(context.Context, cloister.Actor, Git) int
	// Dir is where files are kept while they are copied.
	Dir string
	// Settle is for how long after a command has begun its end is kept from a client of whose input nothing has come yet;
	// 0: engine.SettleFor.
	Settle time.Duration
	// Now tells the time; nil is time.Now.
	Now func() time.Time
}

// An Sshd serves clients.
type Sshd struct {
	config  Config
	host    ssh.Signer
	log     *slog.Logger
	waiting chan struct{}

	mu     sync.Mutex
	passes map[string]*pass // by the name that the client comes with
}

type pass struct {
	Pass
	key  []byte
	used time.Time
}

// New returns an Sshd that lets nobody in yet.
func New(c Config, log *slog.Logger) (*Sshd, error) {
	host, err := ssh.NewSignerFromKey(c.Key)
	if err != nil {
		return nil, fmt.Errorf("the key of the SSH server: %w", err)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Sshd{config: c, host: host, log: log, waiting: make(chan struct{}, maxWaiting), passes: map[string]*pass{}}, nil
}

// Offer makes a pass for a client's key, "ssh-rsa AAAA…". It returns the name to come with, and the server's own key in the
// same form. A key that is none is Invalid.
func (s *Sshd) Offer(who cloister.Actor, appID, dynoID, key string) (user, host string, err error) {
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(key))
	if err != nil {
		return "", "", cloister.Errorf(cloister.Invalid, "client_key is not a public key of SSH, such as \"ssh-rsa AAAA…\".")
	}
	user = cloister.NewToken().Reveal()
	s.offer(user, Pass{Actor: who, App: appID, Dyno: dynoID}, public)
	return user, line(s.host.PublicKey()), nil
}

// bastionUser is the name that those come with who want to talk with a data service. Which one, their key says.
const bastionUser = "bastion"

func bastionPass(key ssh.PublicKey) string { return bastionUser + " " + ssh.FingerprintSHA256(key) }

// OfferData makes a pass for a data service, with a key of its own: who has that, in OpenSSH's form, may come as the user bastion
// and have connections to it. It returns the server's own key too, "ssh-ed25519 AAAA…".
func (s *Sshd) OfferData(who cloister.Actor, addonID string) (key cloister.Secret, host string, err error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return "", "", fmt.Errorf("write a key: %w", err)
	}
	theirs, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", "", fmt.Errorf("read a key: %w", err)
	}
	s.offer(bastionPass(theirs), Pass{Actor: who, Addon: addonID}, theirs)
	return cloister.Secret(pem.EncodeToMemory(block)), line(s.host.PublicKey()), nil
}

// offer enters a pass, and lets go of those that nobody has used for long.
func (s *Sshd) offer(user string, p Pass, key ssh.PublicKey) {
	now := s.config.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := ""
	for name, x := range s.passes {
		if now.Sub(x.used) > passFor {
			delete(s.passes, name)
		} else if oldest == "" || x.used.Before(s.passes[oldest].used) {
			oldest = name
		}
	}
	if len(s.passes) >= maxPasses {
		delete(s.passes, oldest)
	}
	s.passes[user] = &pass{Pass: p, key: key.Marshal(), used: now}
}

// pass finds the pass that a client comes with, which is used by that.
func (s *Sshd) pass(user string) (*pass, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.passes[user]
	now := s.config.Now()
	if !ok || now.Sub(p.used) > passFor {
		return nil, false
	}
	p.used = now
	return p, true
}

// Serve serves clients until ctx is done or l is closed, and waits for them.
func (s *Sshd) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		select {
		case s.waiting <- struct{}{}:
			clients.Go(func() { s.serve(ctx, c) })
		default:
			c.Close()
		}
	}
}

// serve serves one client.
func (s *Sshd) serve(ctx context.Context, c net.Conn) {
	defer c.Close()
	config := &ssh.ServerConfig{ServerVersion: firstLine, MaxAuthTries: 3,
		PublicKeyCallback: func(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if m.User() == gitUser {
				return s.owner(ctx, key)
			}
			name := m.User()
			if name == bastionUser {
				name = bastionPass(key)
			}
			if p, ok := s.pass(name); !ok || !bytes.Equal(p.key, key.Marshal()) {
				return nil, errors.New("no such pass")
			}
			return &ssh.Permissions{Extensions: map[string]string{"pass": name}}, nil
		}}
	config.AddHostKey(s.host)
	c.SetDeadline(time.Now().Add(shakeWithin))
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	<-s.waiting
	if err != nil {
		return
	}
	session, ok := s.sessions(conn)
	if !ok {
		return
	}
	c.SetDeadline(time.Time{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	go ssh.DiscardRequests(requests) // keepalives are answered by that; nothing else is to be had
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	open := make(chan struct{}, maxChannels)
	for ch := range channels {
		select {
		case open <- struct{}{}:
		default:
			ch.Reject(ssh.ResourceShortage, "too much at once")
			continue
		}
		all.Go(func() {
			defer func() { <-open }()
			session(ctx, ch)
		})
	}
}

// sessions is what serves the channels of a client who has proved to have their key.
func (s *Sshd) sessions(conn *ssh.ServerConn) (func(context.Context, ssh.NewChannel), bool) {
	if conn.User() == gitUser {
		from, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
		return func(ctx context.Context, ch ssh.NewChannel) {
			if ch.ChannelType() != "session" {
				ch.Reject(ssh.UnknownChannelType, "only git can be had")
				return
			}
			s.git(ctx, from, conn.Permissions.Extensions["key"], ch)
		}, true
	}
	own, ok := s.pass(conn.Permissions.Extensions["pass"]) // it has one key, which the client has proved to have
	if !ok {
		return nil, false
	}
	v := &visit{sshd: s, pass: own.Pass}
	return func(ctx context.Context, ch ssh.NewChannel) {
		switch kind := ch.ChannelType(); {
		case kind == "session" && v.pass.Addon == "":
			v.session(ctx, ch)
		case kind == "direct-tcpip":
			v.forward(ctx, ch)
		default:
			ch.Reject(ssh.UnknownChannelType, "a session or a connection can be had")
		}
	}, true
}
