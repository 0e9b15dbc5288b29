package sshd

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/cloister-dev/cloister"
)

// gitUser is the name that clients of git come with: who they are their key says.
const gitUser = "git"

// line is a public key as its owner uploaded it: "ssh-ed25519 AAAA…".
func line(key ssh.PublicKey) string {
	return key.Type() + " " + base64.StdEncoding.EncodeToString(key.Marshal())
}

// owner admits a client of git by their key. Whose it is they are asked again each time they want something.
func (s *Sshd) owner(ctx context.Context, key ssh.PublicKey) (*ssh.Permissions, error) {
	if s.config.Git == nil {
		return nil, errors.New("git is not served here")
	}
	if _, err := s.config.Owner(ctx, line(key)); err != nil {
		return nil, err
	}
	return &ssh.Permissions{Extensions: map[string]string{"key": line(key)}}, nil
}

// A Git is what a client of git wants: a command, and the version of the protocol (GIT_PROTOCOL).
type Git struct {
	Command, Protocol string
	Channel           ssh.Channel
}

// git serves a channel on which a client asks for one command of git.
func (s *Sshd) git(ctx context.Context, from string, key string, open ssh.NewChannel) {
	ch, requests, err := open.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	protocol := ""
	answer(ch, requests, cancel, func(r *ssh.Request, started bool) (ok bool, start func()) {
		switch r.Type {
		case "env":
			var v struct{ Name, Value string }
			if ok = ssh.Unmarshal(r.Payload, &v) == nil && v.Name == "GIT_PROTOCOL"; ok {
				protocol = v.Value
			}
		case "exec":
			var command struct{ Text string }
			if ok = !started && ssh.Unmarshal(r.Payload, &command) == nil; ok {
				start = func() { s.runGit(ctx, ch, from, key, command.Text, protocol) }
			}
		case "shell":
			if ok = !started; ok {
				start = func() {
					fmt.Fprint(ch.Stderr(), "There is no shell here. Push and fetch with git, and come into dynos with `heroku ps:exec`.\r\n")
					end(ch, 1)
				}
			}
		}
		return ok, start
	})
}

func (s *Sshd) runGit(ctx context.Context, ch ssh.Channel, from, key, command, protocol string) {
	actor, err := s.config.Owner(ctx, key)
	if err != nil {
		fmt.Fprintf(ch.Stderr(), "%s\r\n", cloister.MessageOf(err))
		end(ch, 1)
		return
	}
	actor.From = from
	end(ch, s.config.Git(ctx, actor, Git{Command: command, Protocol: protocol, Channel: ch}))
}

// end tells a client how it ended.
func end(ch ssh.Channel, status int) {
	ch.CloseWrite()
	ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
}
