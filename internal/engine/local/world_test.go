package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local"
	"github.com/cloister-dev/cloister/internal/engine/remote"
)

// The addresses around a machine in tests. They stand for public ones and exist in the test's namespaces only.
const (
	machineAddress  = "20.0.0.1"
	internetAddress = "20.0.0.10"
	privateAddress  = "192.168.9.9" // at the same place as the internet, but nobody's business
	lanAddress      = "20.0.1.1"
	clientAddress   = "20.0.1.10"
)

// surround puts a machine between an internet, which knows the way to its outbound pool, and a client. Both have the
// probe's server running.
func (m *machine) surround() {
	m.Helper()
	ns := m.config.Name
	m.sh("ip link set lo up")
	for _, n := range []struct{ name, link, near, far string }{
		{"net", "wan", machineAddress, internetAddress}, {"lan", "lan", lanAddress, clientAddress},
	} {
		name := ns + "-" + n.name
		m.Cleanup(func() {
			exec.Command("ip", "link", "del", n.link).Run() // the namespace would take it along, but only after a while
			exec.Command("ip", "netns", "del", name).Run()
		})
		m.sh("ip netns add " + name)
		m.sh("ip link add " + n.link + " type veth peer name eth0 netns " + name)
		m.sh("ip addr add " + n.near + "/24 dev " + n.link)
		m.sh("ip link set " + n.link + " up")
		m.sh("ip -n " + name + " addr add " + n.far + "/24 dev eth0")
		m.sh("ip -n " + name + " link set lo up")
		m.sh("ip -n " + name + " link set eth0 up")
		m.sh("ip -n " + name + " route add default via " + n.near)
	}
	m.sh("ip route add default via " + internetAddress)
	m.sh("ip -n " + ns + "-net addr add " + privateAddress + "/32 dev lo")
	m.background(exec.Command("ip", "netns", "exec", ns+"-net", m.probe(), "serve", internetAddress+":443", internetAddress+":25", privateAddress+":443"))
	m.background(exec.Command("ip", "netns", "exec", ns+"-lan", m.probe(), "serve", clientAddress+":443"))
	m.background(exec.Command(m.probe(), "serve", "0.0.0.0:7000"))
}

func (m *machine) sh(line string) {
	m.Helper()
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		m.Fatalf("%s: %v: %s", line, err, out)
	}
}

// background runs a server until the end of the test, and waits until it says that it is ready.
func (m *machine) background(cmd *exec.Cmd) {
	m.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if _, err := out.Read(make([]byte, 64)); err != nil {
		m.Fatalf("%v: %v", cmd, err)
	}
}

// probe is our own copy of the program.
func (m *machine) probe() string {
	m.Helper()
	path := filepath.Join(filepath.Dir(m.config.State), "probe")
	if _, err := os.Stat(path); err != nil {
		if err := build(path, "./testdata/probe"); err != nil {
			m.Fatal(err)
		}
		os.Chmod(filepath.Dir(path), 0o755) // other users run it too
	}
	return path
}

// in runs the probe in one of the places around the machine, or in a namespace file, and tells what it said.
func (m *machine) in(place string, arguments ...string) (said string, ok bool) {
	m.Helper()
	out, err := m.inside(place, arguments...).CombinedOutput()
	return strings.TrimSpace(string(out)), err == nil
}

func (m *machine) inside(place string, arguments ...string) *exec.Cmd {
	m.Helper()
	if !strings.HasPrefix(place, "/") {
		place = "/run/netns/" + m.config.Name + "-" + place
	}
	return exec.Command("nsenter", append([]string{"--net=" + place, m.probe()}, arguments...)...)
}

// follow runs the probe somewhere until the end of the test, and collects what it says.
func (m *machine) follow(cmd *exec.Cmd) *safeBuffer {
	m.Helper()
	said := &safeBuffer{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	m.until("it says something", func() bool { return said.String() != "" })
	return said
}

// ensure changes a space.
func (m *machine) ensure(e engine.Engine, s engine.Space) {
	m.Helper()
	if err := e.EnsureSpace(m.Context(), s); err != nil {
		m.Fatal(err)
	}
}

// dialAs dials from the machine as a user, and tells what the other side saw.
func (m *machine) dialAs(uid int, address string) (seen string, ok bool) {
	m.Helper()
	cmd := exec.Command(m.probe(), "dial", "tcp", address)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	out, err := cmd.Output()
	return addressOf(string(out)), err == nil
}

// dial dials from inside a workload.
func (m *machine) dial(e engine.Engine, w engine.Workload, network, address string) (seen string, ok bool) {
	m.Helper()
	out, status := m.exec(e, w, "probe", "dial", network, address)
	return addressOf(out), status == 0
}

func addressOf(s string) string {
	host, _, _ := net.SplitHostPort(strings.TrimSpace(s))
	return host
}

// exec runs a command in a workload and gives its output and status.
func (m *machine) exec(e engine.Engine, w engine.Workload, command ...string) (string, int) {
	m.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(m.Context(), 20*time.Second)
	defer cancel()
	status, err := e.Exec(ctx, w.ID, engine.Process{Command: command}, engine.Terminal{Out: &out, Err: &out})
	if err != nil {
		m.Fatalf("%v: %v", command, err)
	}
	return out.String(), status
}

// logs reads a workload's lines until has says that it has what it wants.
func (m *machine) logs(e engine.Engine, w engine.Workload, has func(line string) bool) {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), 20*time.Second)
	defer cancel()
	for l, err := range e.Logs(ctx, w.ID, time.Time{}) {
		if err != nil {
			m.Fatal(err)
		}
		if has(l.Text) {
			return
		}
	}
}

// goesOn waits until a workload that writes all the time writes on from now.
func (m *machine) goesOn(e engine.Engine, w engine.Workload) {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), 10*time.Second)
	defer cancel()
	n := 0
	for l, err := range e.Logs(ctx, w.ID, time.Now()) {
		if n++; err != nil || n > 5 || strings.HasPrefix(l.Text, "probe:") {
			break
		}
	}
	if n <= 5 {
		m.Fatalf("it does not go on: %d lines", n)
	}
}

func (m *machine) ready(e engine.Engine, w engine.Workload) {
	m.Helper()
	m.logs(e, w, func(line string) bool { return line == "ready" })
}

// nodeConfig marks the process that is an engine on its own, to be killed.
const nodeConfig = "CLOISTER_TEST_NODE"

// runNode is the main function of that process.
func runNode(text string) error {
	var c local.Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	m := machine{config: c}
	e, err := local.New(context.Background(), c, m.log())
	if err != nil {
		return err
	}
	path := filepath.Join(c.Run, "engine.sock")
	os.Remove(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	return remote.Serve(context.Background(), l, e, []int{0}, m.log())
}

// A node is an engine in a process of its own.
type node struct {
	*remote.Client
	cmd *exec.Cmd
}

func (m *machine) node() *node {
	m.Helper()
	text, err := json.Marshal(m.config)
	if err != nil {
		m.Fatal(err)
	}
	n := &node{cmd: exec.Command("/proc/self/exe"), Client: remote.Dial(filepath.Join(m.config.Run, "engine.sock"))}
	n.cmd.Env = append(os.Environ(), nodeConfig+"="+string(text))
	n.cmd.Stderr = os.Stderr
	if err := n.cmd.Start(); err != nil {
		m.Fatal(err)
	}
	m.Cleanup(n.kill)
	m.until("the node answers", func() bool { _, err := n.List(m.Context(), ""); return err == nil })
	return n
}

// kill ends the process as nothing can prepare for.
func (n *node) kill() {
	n.cmd.Process.Kill()
	n.cmd.Wait()
	n.Close()
}

var _ testing.TB = (*machine)(nil)
