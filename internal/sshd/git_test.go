package sshd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/cloister-dev/cloister"
)

// gitAt has the place serve git, to whoever has its client's key for as long as known says so. What git does is to tell what
// it was asked, and to repeat its input.
func (p *place) gitAt(known *bool, mu *sync.Mutex) {
	p.sshd.config.Owner = func(_ context.Context, key string) (cloister.Actor, error) {
		mu.Lock()
		defer mu.Unlock()
		if !*known || key != strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p.key.PublicKey()))) {
			return cloister.Actor{}, cloister.Errorf(cloister.Unauthorized, "Nobody has this key.")
		}
		return cloister.Actor{User: cloister.User{Email: "ada@example.com"}}, nil
	}
	p.sshd.config.Git = func(_ context.Context, a cloister.Actor, g Git) int {
		in, err := io.ReadAll(g.Channel)
		if err != nil {
			return 9
		}
		io.WriteString(g.Channel, a.User.Email+" from "+a.From+" "+g.Protocol+" "+g.Command+" "+string(in))
		return 7
	}
}

func (p *place) gitClient(key ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", p.addr, &ssh.ClientConfig{User: "git", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
}

func TestWhoHasAKeyComesToGit(t *testing.T) {
	p := newPlace(t)
	if _, err := p.gitClient(p.key); err == nil {
		t.Error("a server without git lets somebody in")
	}
	known, mu := true, sync.Mutex{}
	p.gitAt(&known, &mu)
	if _, err := p.gitClient(newKey(t)); err == nil {
		t.Error("whoever has another key gets in")
	}
	c, err := p.gitClient(p.key)
	must(t, err)
	defer c.Close()
	run := func(command string) (string, string, error) {
		s, err := c.NewSession()
		must(t, err)
		defer s.Close()
		var out, complaint bytes.Buffer
		s.Stdin, s.Stdout, s.Stderr = strings.NewReader("input"), &out, &complaint
		must(t, s.Setenv("GIT_PROTOCOL", "version=2"))
		if s.Setenv("LD_PRELOAD", "/evil") == nil {
			t.Error("any variable is taken")
		}
		if command == "" {
			err = errors.Join(s.Shell(), s.Wait())
		} else {
			err = s.Run(command)
		}
		return out.String(), complaint.String(), err
	}
	for range 2 { // as often as one likes
		out, _, err := run("git-upload-pack '/shop.git'")
		var exit *ssh.ExitError
		if !errors.As(err, &exit) || exit.ExitStatus() != 7 || out != "ada@example.com from 127.0.0.1 version=2 git-upload-pack '/shop.git' input" {
			t.Errorf("%q, %v", out, err)
		}
	}
	if _, says, err := run(""); err == nil || !strings.Contains(says, "There is no shell here.") {
		t.Errorf("a shell: %q, %v", says, err)
	}
	if _, err := c.Dial("tcp", "127.0.0.1:22"); err == nil {
		t.Error("a connection can be had")
	}
	mu.Lock()
	known = false // the key is taken away while its owner is there
	mu.Unlock()
	if out, says, err := run("git-upload-pack '/shop.git'"); err == nil || out != "" || !strings.Contains(says, "Nobody has this key.") {
		t.Errorf("%q, %q, %v", out, says, err)
	}
}
