package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A remote is a git remote, and the app whose source it is: "" if it is of another host.
type remote struct {
	Name string
	URL  string
	App  string
}

// git runs git in the working directory and gives what it prints.
func (s *Session) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.environ(), &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// inRepository reports whether the working directory is in a git repository.
func (s *Session) inRepository(ctx context.Context) bool {
	_, err := s.git(ctx, "rev-parse", "--git-dir")
	return err == nil
}

// remotes are the git remotes of the working directory; none outside a repository.
func (s *Session) remotes(ctx context.Context) []remote {
	out, err := s.git(ctx, "remote", "-v")
	if err != nil {
		return nil
	}
	var rs []remote
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) == 3 && f[2] == "(fetch)" {
			rs = append(rs, remote{Name: f[0], URL: f[1], App: s.appOf(f[0], f[1])})
		}
	}
	return rs
}

// appOf is the app whose source is at a URL of our server: https://host/NAME.git. A remote that is called heroku or
// cloister is believed to be of our server, under whatever name this machine knows it.
func (s *Session) appOf(name, raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	app, ok := strings.CutSuffix(strings.TrimPrefix(u.Path, "/"), ".git")
	if !ok || app == "" || strings.Contains(app, "/") {
		return ""
	}
	if s.isServer(u.Host) || name == "heroku" || name == "cloister" {
		return app
	}
	return ""
}

// isServer reports whether a host and port are those of our server. All names of this machine's loopback are one.
func (s *Session) isServer(host string) bool {
	u, err := url.Parse(s.config.URL)
	if err != nil {
		return false
	}
	if strings.EqualFold(u.Host, host) {
		return true
	}
	h, port, err := net.SplitHostPort(host)
	return err == nil && loopback(h) && loopback(u.Hostname()) && port == u.Port()
}

// loopback reports whether a host name is this machine's own.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// addRemote makes a git remote for an app and lets git in there: with our token, and trusting our CA.
func (s *Session) addRemote(ctx context.Context, name, gitURL string) error {
	for _, r := range s.remotes(ctx) {
		if r.Name == name && r.URL != gitURL {
			s.Term.Warn("The git remote %s exists already, for %s. It was left as it is; 'cloister git:remote' changes it.", name, r.URL)
			return nil
		}
	}
	return s.setRemote(ctx, name, gitURL)
}

// setRemote is addRemote, over a remote of that name.
func (s *Session) setRemote(ctx context.Context, name, gitURL string) error {
	verb := "add"
	for _, r := range s.remotes(ctx) {
		if r.Name == name {
			verb = "set-url"
		}
	}
	if _, err := s.git(ctx, "remote", verb, name, gitURL); err != nil {
		return err
	}
	settings, err := s.gitSettings(gitURL)
	if err != nil {
		return err
	}
	for _, kv := range settings {
		if _, err := s.git(ctx, "config", "--local", kv[0], kv[1]); err != nil {
			return err
		}
	}
	return nil
}

// gitSettings are what git must know to reach gitURL: who answers its question for a password, and whom to trust.
func (s *Session) gitSettings(gitURL string) ([][2]string, error) {
	u, err := url.Parse(gitURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the server gave %q as the git URL", gitURL)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	base := u.Scheme + "://" + u.Host
	settings := [][2]string{{"credential." + base + ".helper", fmt.Sprintf("!'%s' git:credentials", filepath.ToSlash(self))}}
	if s.config.CA != "" && u.Scheme == "https" {
		settings = append(settings, [2]string{"http." + base + "/.sslCAInfo", s.config.CA})
	}
	return settings, nil
}
