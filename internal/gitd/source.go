package gitd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"

	"github.com/cloister-dev/cloister"
)

// sendSource sends a commit to the server: what it says, which submodules it has, and its files. It runs inside the
// hook, with git's quarantine in env, in which the objects are that the repository does not have yet.
func sendSource(ctx context.Context, conn net.Conn, commit string, env []string) {
	err := func() error {
		if !objectID.MatchString(commit) {
			return fmt.Errorf("bad commit %q", commit)
		}
		g := hookGit{env: env}
		kind, err := g.output(ctx, "cat-file", "-t", commit)
		if err != nil {
			return err
		}
		if k := strings.TrimSpace(string(kind)); k != "commit" {
			return fmt.Errorf("it is a %s. Push the commit that it is about, as in `git push heroku NAME^{commit}:main`", k)
		}
		message, err := g.output(ctx, "log", "--no-walk", "--no-show-signature", "--no-notes", "--format=%s", commit)
		if err != nil {
			return err
		}
		submodules, err := g.submodules(ctx, commit)
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(strings.ToValidUTF8(string(message), "\ufffd"), "\n")
		if err := writeJSON(conn, frameAbout, about{Message: first[:min(len(first), 4096)], Submodules: submodules}); err != nil {
			return err
		}
		return g.run(ctx, func(r io.Reader) error { return sendArchive(conn, r) }, "archive", "--format=tar", commit)
	}()
	if err != nil {
		writeFrame(conn, frameBroken, []byte("The commit can not be built: "+err.Error()))
		return
	}
	writeFrame(conn, frameDone, nil)
}

func sendArchive(conn net.Conn, r io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			if err := writeFrame(conn, frameData, buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// hookGit runs git from inside the hook, with the environment that git gave to the hook.
type hookGit struct{ env []string }

// run runs git and has read read its output.
func (g hookGit) run(ctx context.Context, read func(io.Reader) error, args ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := exec.CommandContext(ctx, "git", args...)
	var complaint tail
	c.Env, c.Stderr = g.env, &complaint
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("git %s: %w", args[0], err)
	}
	if err := read(out); err != nil {
		cancel()
		c.Wait()
		return fmt.Errorf("git %s: %w", args[0], err)
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return nil
}

// output is the output of a short run.
func (g hookGit) output(ctx context.Context, args ...string) (out []byte, err error) {
	err = g.run(ctx, func(r io.Reader) error {
		const most = 2 << 20
		if out, err = io.ReadAll(io.LimitReader(r, most)); err == nil && len(out) == most {
			err = errors.New("too much output")
		}
		return err
	}, args...)
	return out, err
}

// submodules lists the commits of other repositories that a commit has in place of directories, with the addresses
// that its .gitmodules has for them. A path without an address is listed too, for the server to refuse.
func (g hookGit) submodules(ctx context.Context, commit string) (out []cloister.Submodule, err error) {
	mapped := false
	err = g.run(ctx, func(r io.Reader) error {
		entries := bufio.NewReader(r)
		for {
			entry, err := entries.ReadString(0)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			about, path, _ := strings.Cut(strings.TrimSuffix(entry, "\x00"), "\t") // <mode> <type> <id> TAB <path>
			field := strings.Fields(about)
			if len(field) != 3 {
				return errors.New("tree is not understood")
			}
			switch {
			case field[1] == "commit" && len(out) <= maxSubmodules:
				out = append(out, cloister.Submodule{Path: path, Commit: field[2]})
			case path == ".gitmodules" && field[1] == "blob" && field[0] != "120000":
				mapped = true
			}
		}
	}, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil || len(out) == 0 || !mapped {
		return out, err
	}
	config, err := g.output(ctx, "config", "--no-includes", "-z", "--list", "--blob", commit+":.gitmodules")
	if err != nil {
		return nil, err
	}
	urls := submoduleURLs(config)
	for i := range out {
		out[i].URL = urls[out[i].Path]
	}
	return out, nil
}

// submoduleURLs reads the list that `git config -z` makes of a .gitmodules file: addresses by path.
func submoduleURLs(config []byte) map[string]string {
	paths, urls := map[string]string{}, map[string]string{}
	for entry := range bytes.SplitSeq(config, []byte{0}) {
		key, value, _ := strings.Cut(string(entry), "\n")
		name, ok := strings.CutPrefix(key, "submodule.")
		if !ok {
			continue
		}
		if n, ok := strings.CutSuffix(name, ".path"); ok {
			paths[n] = value
		} else if n, ok := strings.CutSuffix(name, ".url"); ok {
			urls[n] = value
		}
	}
	out := map[string]string{}
	for name, path := range paths {
		out[path] = urls[name]
	}
	return out
}
