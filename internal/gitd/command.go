package gitd

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A command is a run of git that sees nothing of the server's environment and configuration.
type command struct {
	*exec.Cmd
	complaint tail // the end of its standard error
}

// command prepares git with arguments that contain nothing a client could have chosen, except ids that were checked.
// When ctx is done git and its children are asked to end, so that they clean up, and soon after made to.
func (h *Handler) command(ctx context.Context, repo repository, args ...string) *command {
	c := &command{Cmd: exec.CommandContext(ctx, h.git, args...)}
	c.Env = h.environment(repo)
	c.Dir = h.config.Dir
	c.Stderr = &c.complaint
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }
	c.WaitDelay = 3 * time.Second
	return c
}

// wait waits for git and makes sure that no child is left of one that was killed.
func (c *command) wait() error {
	if err := c.Wait(); err != nil {
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		return fmt.Errorf("git %s: %w: %s", c.Args[1], err, strings.TrimSpace(c.complaint.String()))
	}
	return nil
}

// output runs a short command and returns what it says, without the last newline.
func (c *command) output() (string, error) {
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Start(); err != nil {
		return "", err
	}
	if err := c.wait(); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// environment is all that git gets to see. Settings are given here rather than in the repositories, so that they are
// in force for every repository, however old, and no file there can weaken them.
func (h *Handler) environment(repo repository) []string {
	env := []string{
		"PATH=" + filepath.Dir(h.git) + ":/usr/local/bin:/usr/bin:/bin",
		"HOME=/nonexistent",
		"XDG_CONFIG_HOME=/nonexistent",
		"LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_NO_REPLACE_OBJECTS=1", // a pushed refs/replace must not change what a commit means
		"GIT_TERMINAL_PROMPT=0",
		"GIT_ALLOC_LIMIT=" + strconv.Itoa(512<<20), // a delta that unfolds to gigabytes ends git, not the machine
	}
	if repo != "" {
		env = append(env, "GIT_DIR="+string(repo))
	}
	settings := h.settings()
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(settings)))
	for i, s := range settings {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+s[0], "GIT_CONFIG_VALUE_"+n+"="+s[1])
	}
	return env
}

func (h *Handler) settings() [][2]string {
	return [][2]string{
		{"core.hooksPath", h.hooks()},
		{"core.fsmonitor", "false"},
		{"core.bigFileThreshold", "32m"}, // larger files are streamed, not held in memory
		{"pack.threads", "1"},
		{"pack.windowMemory", "128m"},
		{"gc.auto", "0"},
		{"maintenance.auto", "false"},
		{"protocol.allow", "never"}, // it serves, it never fetches
		{"protocol.ext.allow", "never"},
		{"protocol.file.allow", "never"},
		{"transfer.fsckObjects", "true"},
		{"receive.fsckObjects", "true"},
		// Harmless mistakes of old tools, found in the history of respectable projects.
		{"receive.fsck.zeroPaddedFilemode", "warn"},
		{"receive.fsck.badTimezone", "warn"},
		{"receive.fsck.missingSpaceBeforeDate", "warn"},
		{"receive.maxInputSize", strconv.FormatInt(h.config.MaxPush, 10)},
		{"receive.unpackLimit", "1"}, // always as a pack: cheap to take, and one file
		{"receive.autogc", "false"},
		{"receive.denyDeleteCurrent", "refuse"},
		{"receive.shallowUpdate", "true"}, // a checkout of depth 1 can be deployed
		{"receive.advertisePushOptions", "false"},
		{"uploadpack.allowFilter", "true"},
		{"tar.umask", "0022"},
	}
}

// A tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	if t.b = append(t.b, p...); len(t.b) > most {
		t.b = t.b[len(t.b)-most:]
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.b) }
