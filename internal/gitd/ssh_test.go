package gitd

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

// overSSH has git come by what stands for SSH: a program that runs the command of git with its ends at the handler's.
func (w *world) overSSH(t *testing.T, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for _, pipe := range []string{"in", "out", "err"} {
		if out, err := exec.Command("mkfifo", filepath.Join(dir, pipe)).CombinedOutput(); err != nil {
			t.Fatalf("mkfifo: %v: %s", err, out)
		}
	}
	// git runs: GIT_SSH_COMMAND [options] host command
	script := filepath.Join(dir, "ssh")
	text := `#!/bin/sh
for last; do :; done
printf %s "$last" >` + dir + `/command
printf %s "$GIT_PROTOCOL" >` + dir + `/protocol
exec 3<&0
cat <&3 >` + dir + `/in &
cat ` + dir + `/err >&2 &
cat ` + dir + `/out
wait $!
exit "$(cat ` + dir + `/exit)"
`
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	served := make(chan struct{})
	go func() {
		defer close(served)
		in, err := os.Open(filepath.Join(dir, "in")) // waits until there is a client
		if err != nil {
			return
		}
		defer in.Close()
		complaints, _ := os.OpenFile(filepath.Join(dir, "err"), os.O_WRONLY, 0)
		out, _ := os.OpenFile(filepath.Join(dir, "out"), os.O_WRONLY, 0)
		command, _ := os.ReadFile(filepath.Join(dir, "command"))
		protocol, _ := os.ReadFile(filepath.Join(dir, "protocol"))
		exit := w.handler.ServeSSH(ctx, cloister.Actor{User: cloister.User{Email: "owner@example.com"}}, string(command), Stream{In: in, Out: out, Err: complaints, Protocol: string(protocol)})
		os.WriteFile(filepath.Join(dir, "exit"), []byte(string(rune('0'+min(exit, 9)))), 0o600)
		complaints.Close()
		out.Close()
	}()
	c := w.command(ctx, args...)
	c.Env = append(c.Env, "GIT_SSH_COMMAND="+script, "GIT_SSH_VARIANT=ssh")
	b, err := c.CombinedOutput()
	<-served
	return string(b), err
}

func TestGitComesBySSH(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const url = "ssh://git@cloister.example:5100/shop.git"
	commit := w.commit(map[string]string{"a": "1"})
	out, err := w.overSSH(t, "push", url, "main")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	equal(t, w.ref("refs/heads/main"), commit)
	w.says(out, "remote: ", "main -> main")
	if out, err = w.overSSH(t, "push", url, "main"); err != nil || !strings.Contains(out, "Everything up-to-date") {
		t.Errorf("again: %v\n%s", err, out)
	}
	for _, version := range []string{"0", "2"} {
		clone := filepath.Join(t.TempDir(), "clone")
		if out, err := w.overSSH(t, "-c", "protocol.version="+version, "clone", url, clone); err != nil {
			t.Fatalf("clone by version %s: %v\n%s", version, err, out)
		}
		equal(t, w.git("-C", clone, "rev-parse", "HEAD"), commit)
	}
	next := w.commit(map[string]string{"a": strings.Repeat("much\n", 100_000)})
	if out, err := w.overSSH(t, "push", "git@cloister.example:/shop.git", "main"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	equal(t, w.ref("refs/heads/main"), next)
	if out, err := w.overSSH(t, "fetch", "ssh://git@cloister.example/nowhere.git"); err == nil || !strings.Contains(out, "No such app as nowhere") {
		t.Errorf("another app: %v\n%s", err, out)
	}
}

func TestOnlyGitIsServedBySSH(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, command := range []string{"", "ls", "git-upload-pack", "git-upload-pack '../etc'", "git-upload-pack 'shop.git'; id", "git-upload-pack 'shop.git' 'blog.git'",
		"git-upload-archive 'shop.git'", "git-upload-pack --upload-pack=id shop.git", "git-receive-pack '/shop.git/../blog.git'", "git-upload-pack 'shop.git'\nid", "git-upload-pack 'SHOP.git'"} {
		var out, complaint bytes.Buffer
		exit := w.handler.ServeSSH(t.Context(), cloister.Actor{}, command, Stream{In: strings.NewReader(""), Out: &out, Err: &complaint})
		if exit == 0 || out.Len() > 0 || !strings.Contains(complaint.String(), "Only git is served here.") {
			t.Errorf("%q: %d, %q, %q", command, exit, out.String(), complaint.String())
		}
	}
}
