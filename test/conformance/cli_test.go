package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// official finds the directory that has the official CLI: of CLOISTER_HEROKU, of `npm install` in this directory, or
// of the PATH. Without one there is nothing to test.
func official(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("SKIPPED: Node is missing, which the official Heroku CLI runs on. Install it: apt-get install nodejs npm")
	}
	for _, path := range []string{os.Getenv("CLOISTER_HEROKU"), filepath.Join("node_modules", ".bin", "heroku")} {
		if _, err := os.Stat(path); path != "" && err == nil {
			path, err = filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			return filepath.Dir(path)
		}
	}
	path, err := exec.LookPath("heroku")
	if err != nil {
		t.Skip("SKIPPED: the official Heroku CLI is missing. Run `npm install` in test/conformance, or set CLOISTER_HEROKU to it.")
	}
	return filepath.Dir(path)
}

// surround gives a script a home of its own, git, and the CLI. Nothing of the caller's home is seen or changed.
func surround(env *testscript.Env, heroku string) error {
	home := filepath.Join(env.WorkDir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("XDG_DATA_HOME", filepath.Join(home, "data"))
	env.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	env.Setenv("PATH", heroku+string(os.PathListSeparator)+filepath.Dir(node)+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("DISABLE_TELEMETRY", "true")
	env.Setenv("HEROKU_SKIP_NEW_VERSION_CHECK", "true")
	env.Setenv("HEROKU_DISABLE_AUTOUPDATE", "true") // it would leave a process behind
	env.Setenv("HEROKU_NETRC_WRITE", "true")
	env.Setenv("NO_COLOR", "1")
	env.Setenv("NO_PROXY", "localhost,127.0.0.1")
	env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	env.Setenv("GIT_TERMINAL_PROMPT", "0")
	env.Setenv("GIT_AUTHOR_NAME", "Ada")
	env.Setenv("GIT_AUTHOR_EMAIL", "ada@example.com")
	env.Setenv("GIT_COMMITTER_NAME", "Ada")
	env.Setenv("GIT_COMMITTER_EMAIL", "ada@example.com")
	env.Setenv("NODE_OPTIONS", "--no-deprecation")
	return nil
}

// A change is what differs from run to run in what the CLI prints, and what stands for it in scripts.
type change struct {
	pattern *regexp.Regexp
	with    string
}

var changes = []change{
	{regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`), ""},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?`), "TIME"},
	{regexp.MustCompile(`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d [+-]\d{4}( \(~ [^)]*\))?`), "TIME"},
	{regexp.MustCompile(`-[0-9a-f]{12}\.`), "-LABEL."},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST"},
	{regexp.MustCompile(`[ \t]+(\n|$)`), "$1"},
}

// normal is text as scripts have it.
func normal(s string) string {
	for _, c := range changes {
		s = c.pattern.ReplaceAllString(s, c.with)
	}
	return s
}
