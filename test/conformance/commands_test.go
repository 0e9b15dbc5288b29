package conformance_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

type pretendKey struct{}

// commands are what scripts can say beside testscript's own.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"deploy":  deploy,
	"shows":   shows,
	"until":   until,
	"browse":  browse,
	"choose":  choose,
	"login":   login,
	"tail":    tail,
	"peering": peering,
	"talk":    talk,
	"routed":  routed,
	"receive": receive,
	"keep":    keep,

	"authenticator": authenticator,
}

// authenticator VARIABLE... has Ada of a pretend server sign in with a second factor from now on, and sets the variables to
// recovery codes.
func authenticator(ts *testscript.TestScript, neg bool, args []string) {
	codes, err := ts.Value(pretendKey{}).(*pretend).secondFactor()
	ts.Check(err)
	if neg || len(args) > len(codes) {
		ts.Fatalf("usage: authenticator VARIABLE... (at most %d)", len(codes))
	}
	for i, name := range args {
		ts.Setenv(name, codes[i].Reveal())
	}
}

// keep VARIABLE sets a variable to what the last command printed.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keep VARIABLE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// routed APP LINE has a line of the router's come to a pretend server, which has none.
func routed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: routed APP LINE")
	}
	ts.Check(ts.Value(pretendKey{}).(*pretend).routed(args[0], strings.Join(args[1:], " ")))
}

// receive VARIABLE FILE sets a variable to a URL, and has what is sent there added to FILE, signature first.
func receive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: receive VARIABLE FILE")
	}
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = fmt.Fprintf(f, "%s %s %s\n", r.Header.Get("Heroku-Webhook-Hmac-SHA256"), r.Header.Get("Authorization"), body)
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	ts.Defer(func() { s.Close(); f.Close() })
	ts.Setenv(args[0], s.URL)
}

// peering VARIABLE TEXT SPACE sets a variable to the id of the first peering of a space whose line has TEXT in it.
func peering(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: peering VARIABLE TEXT SPACE")
	}
	ts.Check(ts.Exec("heroku", "spaces:peerings", args[2]))
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if f := strings.Fields(line); strings.Contains(line, args[1]) {
			ts.Setenv(args[0], f[0])
			return
		}
	}
	ts.Fatalf("no peering of %s has %q in its line", args[2], args[1])
}

// deploy APP TYPE=COMMAND… releases code on a pretend server, as a push would.
func deploy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: deploy APP TYPE=COMMAND...")
	}
	types := map[string]string{}
	for _, a := range args[1:] {
		name, command, _ := strings.Cut(a, "=")
		types[name] = command
	}
	ts.Check(ts.Value(pretendKey{}).(*pretend).deploy(args[0], types))
}

// shows FILE asserts that the last command printed, on standard output and then standard error, what is in FILE: each
// line of FILE in its order, with other lines between them or not. What differs from run to run has a word instead
// (UUID, TIME, LABEL, HOST); "..." in a line stands for anything.
func shows(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] shows FILE")
	}
	got := normal(ts.ReadFile("stdout") + ts.ReadFile("stderr"))
	rest := strings.Split(got, "\n")
	for _, want := range strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n") {
		i := index(rest, want)
		if neg && i >= 0 {
			ts.Fatalf("%q is there:\n%s", want, got)
		}
		if !neg && i < 0 {
			ts.Fatalf("%q is not there, or not in its place:\n%s", want, got)
		}
		if i >= 0 {
			rest = rest[i+1:]
		}
	}
}

func index(lines []string, want string) int {
	if strings.TrimSpace(want) == "" {
		return -1 + min(1, len(lines)) // blank lines are for the reader of the script
	}
	parts := strings.Split(strings.TrimSpace(want), "...")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	pattern := regexp.MustCompile(`^\s*` + strings.Join(parts, ".*") + `$`)
	for i, l := range lines {
		if pattern.MatchString(l) {
			return i
		}
	}
	return -1
}

// until TIMEOUT PATTERN COMMAND… repeats a command until what it prints matches PATTERN.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: until TIMEOUT PATTERN COMMAND...")
	}
	patience, err := time.ParseDuration(args[0])
	ts.Check(err)
	pattern := regexp.MustCompile(args[1])
	deadline := time.Now().Add(patience)
	for {
		err := ts.Exec(args[2], args[3:]...)
		out := normal(ts.ReadFile("stdout") + ts.ReadFile("stderr"))
		if pattern.MatchString(out) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q did not come within %s; the last was (%v):\n%s", args[1], patience, err, out)
		}
	}
}

// login EMAIL PASSWORD [CODE] runs `heroku login -i` on a terminal, and types when it is asked.
func login(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: [!] login EMAIL PASSWORD [CODE]")
	}
	talk := dialogue{{"Email", args[0]}, {"Password", args[1]}}
	if len(args) == 3 {
		talk = append(talk, dialogue{{"Two-factor code", args[2]}}...)
	}
	c := exec.Command(lookPath(ts.Getenv("PATH"), "heroku"), "login", "-i")
	c.Dir = ts.Getenv("WORK")
	c.Env = append(environ(ts), "HEROKU_API_KEY=") // with a token in the environment it refuses to run
	out, err := onTerminal(c, time.Minute, talk)
	ts.Logf("%s", normal(out))
	if (err != nil) != neg {
		ts.Fatalf("login: %v", err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("login.out"), []byte(out), 0o600))
}

// browse allow|refuse runs `heroku login` on a terminal, with $BROWSER as the browser that it opens, to which DECISION tells
// what to decide. What the terminal shows is in browse.out.
func browse(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] browse allow|refuse")
	}
	c := exec.Command(lookPath(ts.Getenv("PATH"), "heroku"), "login")
	c.Dir = ts.Getenv("WORK")
	c.Env = append(environ(ts), "HEROKU_API_KEY=", "DECISION="+args[0], "DISPLAY=")
	out, err := onTerminal(c, time.Minute, dialogue{{"any key", ""}})
	ts.Logf("%s", normal(out))
	if (err != nil) != neg {
		ts.Fatalf("login: %v", err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("browse.out"), []byte(out), 0o600))
}

// choose PROMPT COMMAND… runs a command on a terminal, and takes the first thing that it offers behind a prompt. What the terminal
// shows is in choose.out.
func choose(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: choose PROMPT COMMAND...")
	}
	c := exec.Command(lookPath(ts.Getenv("PATH"), args[1]), args[2:]...)
	c.Dir, c.Env = ts.MkAbs("."), environ(ts)
	out, err := onTerminal(c, time.Minute, dialogue{{args[0], " "}})
	ts.Check(os.WriteFile(ts.MkAbs("choose.out"), []byte(out), 0o600))
	if err != nil {
		ts.Fatalf("choose: %v\n%s", err, normal(out))
	}
}

// talk FILE COMMAND… runs a command that starts a shell somewhere, on a terminal of 97 columns and 31 lines, and talks
// with the shell: what the terminal shows is in FILE.
func talk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: talk FILE COMMAND...")
	}
	c := exec.Command(lookPath(ts.Getenv("PATH"), args[1]), args[2:]...)
	c.Dir, c.Env = ts.MkAbs("."), environ(ts)
	out, err := onTerminal(c, 2*time.Minute, dialogue{{"$ ", "stty size; test -t 0 && echo on a $((6*7))tty"}, {"on a 42tty", "sh -c 'echo sleeps $((6*7)); exec sleep 1000'"},
		{"sleeps 42", "\x03"}, {"$ ", "echo status $?"}, {"status 130", "echo bye | tr a-z A-Z"}, {"BYE", ""}, {"$ ", "\x04"}})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(out), 0o600))
	if err != nil {
		ts.Fatalf("talk: %v\n%s", err, normal(out))
	}
}

// tail APP NAME=VALUE follows an app's log while a config var is set, and ends when the log tells of it.
func tail(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tail APP NAME=VALUE")
	}
	name, _, _ := strings.Cut(args[1], "=")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, lookPath(ts.Getenv("PATH"), "heroku"), "logs", "--tail", "-a", args[0])
	c.Env, c.Dir = environ(ts), ts.Getenv("WORK")
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	defer func() { cancel(); c.Wait() }() // it was killed, and says so
	var seen []string
	set := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		seen = append(seen, lines.Text())
		if !set { // the log as it was is here, so what follows is news
			set = true
			ts.Check(ts.Exec("heroku", "config:set", args[1], "-a", args[0]))
		}
		if strings.Contains(lines.Text(), "Set "+name+" config vars") {
			return
		}
	}
	ts.Fatalf("the log ended, or two minutes were over, and %s was never set:\n%s", name, strings.Join(seen, "\n"))
}

func lookPath(path, name string) string {
	for _, dir := range strings.Split(path, string(os.PathListSeparator)) {
		if info, err := os.Stat(dir + "/" + name); err == nil && !info.IsDir() {
			return dir + "/" + name
		}
	}
	return name
}

// environ is the script's environment, of which testscript tells only one variable at a time.
func environ(ts *testscript.TestScript) (out []string) {
	for _, name := range []string{"HEROKU_API_KEY", "HOME", "PATH", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "DISABLE_TELEMETRY",
		"HEROKU_SKIP_NEW_VERSION_CHECK", "HEROKU_DISABLE_AUTOUPDATE", "HEROKU_NETRC_WRITE", "HEROKU_HOST", "HEROKU_PARTICLEBOARD_URL", "HEROKU_LOGIN_HOST",
		"HEROKU_GIT_HOST", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS", "NO_COLOR", "NO_PROXY", "GIT_CONFIG_NOSYSTEM",
		"BROWSER", "EMAIL", "LOGIN", "PASSWORD", "WORK"} {
		if v := ts.Getenv(name); v != "" {
			out = append(out, name+"="+v)
		}
	}
	return append(out, "TERM=xterm")
}
