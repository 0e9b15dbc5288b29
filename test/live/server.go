// Package live starts a whole Cloister on this machine, as `make up` does, with directories, ports and names of its
// own, so that tests can use it as people do and take it away without a trace. It needs root and Debian's packages.
package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Server is a running Cloister.
type Server struct {
	Binary string   // bin/cloister, built from this tree
	Env    []string // for programs that talk to it, our own CLI first of all
	Name   string   // what it calls its part of the machine's kernel
	API    string   // "http://127.0.0.1:PORT"
	Token  string   // of the first administrator
	Email  string
	Team   string
	HTTP   string // address of the router, "127.0.0.1:PORT"
	HTTPS  string
	CA     string // file
	State  string // directory
	Run    string
	Log    string // file

	cmd *exec.Cmd
	out *os.File
}

// Domain is what apps' names end with.
const Domain = "apps.localhost"

// Start builds the binary and starts a server with an empty state but for the stack, which is kept between tests in
// the user's cache directory, or in CLOISTER_TEST_CACHE. The server is gone when the test ends, with all it made, but
// for a state directory of the test's own (CLOISTER_STATE among the overrides).
func Start(t testing.TB, overrides ...string) *Server {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: a whole server needs root")
	}
	s := &Server{Binary: build(t), Team: "my-team"}
	dir, err := os.MkdirTemp("/var/tmp", "cloister-live-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.State, s.Run, s.Log = filepath.Join(dir, "state"), filepath.Join(dir, "run"), filepath.Join(dir, "server.log")
	ports := freePorts(t, 3)
	s.API, s.HTTP, s.HTTPS = "http://127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1], "127.0.0.1:"+ports[2]
	for _, o := range overrides {
		if state, ok := strings.CutPrefix(o, "CLOISTER_STATE="); ok {
			s.State = state
		}
		if port, ok := strings.CutPrefix(o, "CLOISTER_LISTEN=:"); ok {
			s.API = "http://127.0.0.1:" + port
		}
		if port, ok := strings.CutPrefix(o, "CLOISTER_HTTP=:"); ok {
			s.HTTP = "127.0.0.1:" + port
		}
		if port, ok := strings.CutPrefix(o, "CLOISTER_HTTPS=:"); ok {
			s.HTTPS = "127.0.0.1:" + port
		}
	}
	s.Name, s.CA = "t"+ports[0], filepath.Join(s.State, "ca.pem")
	s.Env = append(os.Environ(),
		"CLOISTER_STATE="+s.State, "CLOISTER_RUN="+s.Run, "CLOISTER_NAME="+s.Name,
		"CLOISTER_LISTEN=127.0.0.1:"+ports[0], "CLOISTER_HTTP=:"+ports[1], "CLOISTER_HTTPS=:"+ports[2],
		"CLOISTER_OUTBOUND_POOL=198.51.100.0/24", "CLOISTER_TRANSIT="+transit(ports[0]), "CLOISTER_ADMIN_TEAM="+s.Team,
		"CLOISTER_CONFIG="+filepath.Join(dir, "cli.json"), "HOME="+dir, "GOCACHE="+goenv(t, "GOCACHE"), "GOMODCACHE="+goenv(t, "GOMODCACHE"))
	s.Env = append(s.Env, overrides...)
	if err := os.MkdirAll(s.State, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Down(t)
		if t.Failed() {
			log, _ := os.ReadFile(s.Log)
			t.Logf("the server warned:\n%s\nand its log ends:\n%s", tail(warnings(log), 6000), tail(log, 6000))
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("something of the server is left: %v", err)
		}
	})
	s.useStack(t)
	s.Up(t)
	return s
}

// Up starts the server, or starts it again after Down, and waits until it answers.
func (s *Server) Up(t testing.TB) {
	t.Helper()
	var err error
	if s.out, err = os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(s.Binary, "server")
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.Env, s.out, s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.Cloister(t, "server", "--wait", "60s")
	s.Cloister(t, "stacks:ensure", "debian-12")
	s.saveStack(t)
	if s.Token == "" {
		var login struct{ Email, Token string }
		text := s.Cloister(t, "server", "--login")
		if err := json.Unmarshal([]byte(text), &login); err != nil {
			t.Fatalf("login %q: %v", text, err)
		}
		s.Email, s.Token = login.Email, login.Token
		s.run(t, strings.NewReader(text), s.Binary, "login", "--from-stdin")
	}
}

// Down stops the server and takes away its dynos and networks; its data stays.
func (s *Server) Down(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	cmd := exec.Command(s.Binary, "server", "--down")
	cmd.Env = s.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("server --down: %v\n%s", err, out)
		s.cmd.Process.Kill()
	}
	s.cmd.Wait()
	s.out.Close()
	s.cmd = nil
}

// PID is the process id of node, control or router.
func (s *Server) PID(t testing.TB, process string) int {
	t.Helper()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid))
	for _, f := range tasks {
		more, _ := os.ReadFile(f)
		children = append(children, more...)
	}
	for _, field := range strings.Fields(string(children)) {
		line, _ := os.ReadFile("/proc/" + field + "/cmdline")
		if args := bytes.Split(line, []byte{0}); len(args) > 1 && string(args[1]) == process {
			pid, _ := strconv.Atoi(field)
			return pid
		}
	}
	return 0
}

// Kill ends node, control or router with SIGKILL, and waits until another has taken its place.
func (s *Server) Kill(t testing.TB, process string) {
	t.Helper()
	old := s.PID(t, process)
	if old == 0 {
		t.Fatalf("%s does not run", process)
	}
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	Eventually(t, 30*time.Second, process+" is started again", func() bool {
		pid := s.PID(t, process)
		return pid != 0 && pid != old
	})
}

// Cloister runs our own CLI and returns what it printed; failing fails the test.
func (s *Server) Cloister(t testing.TB, args ...string) string {
	t.Helper()
	return s.run(t, nil, s.Binary, args...)
}

// SetPassword gives a user a password, by which they can log in.
func (s *Server) SetPassword(t testing.TB, email, password string) {
	t.Helper()
	s.run(t, strings.NewReader(password+"\n"), s.Binary, "users:password", email)
}

func (s *Server) run(t testing.TB, in *strings.Reader, name string, args ...string) string {
	t.Helper()
	var out, all bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.Env, &out, &all
	if in != nil {
		cmd.Stdin = in
	}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out.Bytes(), all.Bytes())
	}
	return out.String()
}

// Eventually waits for a condition, or fails the test.
func Eventually(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// Root is the top of the source tree.
func Root(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

func build(t testing.TB) string {
	t.Helper()
	bin := filepath.Join(Root(t), "bin", "cloister")
	cmd := exec.Command("go", "build", "-trimpath", "-o", bin, "./cmd/cloister")
	cmd.Dir, cmd.Env = Root(t), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

func goenv(t testing.TB, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// transit is a part of the transit range that another server on this machine is unlikely to use.
func transit(port string) string {
	n, _ := strconv.Atoi(port)
	return fmt.Sprintf("100.%d.0.0/16", 65+n%62)
}

func freePorts(t testing.TB, n int) (out []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		out = append(out, port)
	}
	return out
}

// warnings are the lines of a log that tell of more than what goes as it should.
func warnings(log []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(log) {
		if !bytes.Contains(line, []byte(" level=INFO ")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
