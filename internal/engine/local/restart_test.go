package local_test

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local"
)

// kills is how often the engine is killed while output flows.
const kills = 3

func TestAKilledEngineComesBackToEverything(t *testing.T) {
	m := newMachine(t, "kill")
	m.surround()
	n := m.node()
	s := m.space(n, "198.51.100.1")
	web := m.start(n, engine.Workload{Space: s.ID, Port: 5000, Command: []string{"probe", "serve", "0.0.0.0:5000"}})
	counter := m.run(n, s, "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done")
	flood := m.run(n, s, "sh", "-c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo $i; done; exit 9")
	held := m.run(n, s, "probe", "hold", internetAddress+":443")
	m.ready(n, web)
	m.until("it is seen to listen", func() bool { return m.status(n, web).Listening })
	in := exec.Command(m.probe(), "hold", m.status(n, web).Endpoint.String())
	in.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: routerUID, Gid: routerUID}}
	var said safeBuffer
	in.Stdout, in.Stderr = &said, &said
	if err := in.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Process.Kill(); in.Wait() }()

	was := map[string]engine.Status{}
	for _, w := range []engine.Workload{web, counter, held} {
		was[w.ID] = m.status(n, w)
	}
	for range kills {
		n.kill()
		if _, err := n.List(t.Context(), ""); cloister.KindOf(err) != cloister.Unavailable {
			t.Errorf("a call to a dead engine: %v", err)
		}
		if seen, ok := m.dialAs(routerUID, was[web.ID].Endpoint.String()); !ok {
			t.Errorf("the web process does not answer while the engine is away: %q", seen)
		}
		n = m.node()
	}
	for _, w := range []engine.Workload{web, counter, held} {
		is, before := m.status(n, w), was[w.ID]
		if is.Phase != engine.Running || is.Address != before.Address || is.Endpoint != before.Endpoint || !is.StartedAt.Equal(before.StartedAt) {
			t.Errorf("a workload changed:\n%+v\n%+v", before, is)
		}
	}
	if seen, ok := m.dialAs(routerUID, was[web.ID].Endpoint.String()); !ok || seen != "100.64.0.1" {
		t.Errorf("the router does not get through any more: %q", seen)
	}
	m.noGaps(n, counter, 300)
	// Read once it is over: while it lasts, a slow reader is overtaken, since the spool has an end.
	m.until("the flood's end is known", func() bool { return m.status(n, flood).ExitStatus == 9 })
	m.noGaps(n, flood, 60000)
	if strings.Contains(said.String(), "probe:") {
		t.Errorf("a connection from the router broke: %s", said.String())
	}
	if m.status(n, held).Phase != engine.Running {
		t.Error("a connection to the outside broke")
	}
	fresh := m.run(n, s, "sleep", "1000")
	if seen, ok := m.dial(n, fresh, "tcp", internetAddress+":443"); !ok || seen != "198.51.100.1" {
		t.Errorf("a new workload is seen as %q", seen)
	}
}

// noGaps reads a workload's numbers up to n: each comes once and whole, as far as the spool goes back.
func (m *machine) noGaps(e engine.Engine, w engine.Workload, n int) {
	m.Helper()
	last := 0
	var at time.Time
	m.lines(e, w, func(l engine.Line) bool {
		if !l.At.After(at) {
			m.Fatalf("line %q is at %v, and the one before at %v", l.Text, l.At, at)
		}
		if i := number(l.Text); last > 0 && i != last+1 {
			m.Fatalf("after %d comes %q", last, l.Text)
		} else {
			last = i
		}
		at = l.At
		return last >= n
	})
	if last < n {
		m.Fatalf("they end with %d", last)
	}
}

func (m *machine) lines(e engine.Engine, w engine.Workload, has func(engine.Line) bool) {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), 20*time.Second)
	defer cancel()
	for l, err := range e.Logs(ctx, w.ID, time.Time{}) {
		if err != nil {
			m.Fatal(err)
		}
		if has(l) {
			return
		}
	}
}

func TestAnExitWhileTheEngineIsAwayIsTold(t *testing.T) {
	m := newMachine(t, "away")
	e := m.open()
	w := m.run(e, m.space(e), "sh", "-c", "echo before; sleep 0.3; echo after; exit 5")
	m.logs(e, w, func(line string) bool { return line == "before" })
	pid := m.pidOf(w)
	e.Close()
	m.until("it has ended", func() bool { return !alive(pid) })
	e = m.open()
	m.until("it is seen to have exited", func() bool { return m.status(e, w).Phase == engine.Exited })
	if s := m.status(e, w); s.ExitStatus != 5 || s.ExitedAt.After(time.Now().Add(-time.Millisecond)) {
		t.Errorf("it looks wrong: %+v", s)
	}
	var lines []string
	m.logs(e, w, func(l string) bool { lines = append(lines, l); return false })
	if strings.Join(lines, " ") != "before after" {
		t.Errorf("it wrote %q", lines)
	}
}

// pidOf finds the first process of a workload by its cgroup.
func (m *machine) pidOf(w engine.Workload) int {
	m.Helper()
	for _, p := range m.processes("/" + w.ID) {
		if text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), "cmdline")); bytes.HasPrefix(text, []byte("/dev/init\x00")) {
			return p
		}
	}
	m.Fatal("its process was not found")
	return 0
}

// processes finds processes whose cgroup contains text.
func (m *machine) processes(text string) (out []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	for _, f := range files {
		if b, _ := os.ReadFile(f); strings.Contains(string(b), text) {
			out = append(out, number(filepath.Base(filepath.Dir(f))))
		}
	}
	return out
}

func alive(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// commands finds processes by a text in their command line.
func commands(text string) (out []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if b, _ := os.ReadFile(f); strings.Contains(strings.ReplaceAll(string(b), "\x00", " "), text) {
			out = append(out, number(filepath.Base(filepath.Dir(f))))
		}
	}
	return out
}

func TestAfterARebootWorkloadsHaveExited(t *testing.T) {
	m := newMachine(t, "reboot")
	e := m.open()
	s := m.space(e, "198.51.100.1")
	w := m.start(e, engine.Workload{Space: s.ID, Port: 5000, Command: []string{"sh", "-c", "echo up; sleep 1000"},
		Volumes: []engine.Volume{{ID: "reboot-volume", Path: "/data", Size: 16 << 20}}})
	m.logs(e, w, func(line string) bool { return line == "up" })
	e.Close()

	// A power cut, as far as one can play it: no process, no namespace, no mount, no table, an empty run directory.
	for _, p := range append(commands(filepath.Dir(m.config.Run)), m.pidOf(w)) {
		syscall.Kill(p, syscall.SIGKILL)
	}
	m.until("all is dead", func() bool {
		return len(commands(filepath.Dir(m.config.Run)+"/")) == 0 && len(m.processes("/"+m.config.Name+"/"+w.ID)) == 0
	})
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[4]; strings.HasPrefix(at, filepath.Dir(m.config.Run)+"/") {
			unix.Unmount(at, unix.MNT_DETACH)
		}
	}
	m.sh("nft flush ruleset")
	if err := os.RemoveAll(m.config.Run); err != nil {
		t.Fatal(err)
	}

	e = m.open()
	if got := m.status(e, w); got.Phase != engine.Exited || got.ExitStatus != 137 || got.ExitedAt.IsZero() {
		t.Errorf("it looks wrong: %+v", got)
	}
	if err := e.Drop(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	m.run(e, s, "true") // the space is there without anybody having asked for it again
	if err := e.DropVolume(t.Context(), "reboot-volume"); err != nil {
		t.Error(err)
	}
}

func TestADeadContainerdIsStartedAgainAndLosesNothing(t *testing.T) {
	m := newMachine(t, "dead")
	e := m.open()
	s := m.space(e)
	w := m.run(e, s, "sh", "-c", "echo up; sleep 1000")
	m.logs(e, w, func(line string) bool { return line == "up" })
	for _, p := range commands("containerd --config " + m.config.State) {
		syscall.Kill(p, syscall.SIGKILL)
	}
	again := engine.Workload{ID: cloister.NewID(), Owner: "test", Space: s.ID, Image: m.image, Command: []string{"true"}}
	m.until("a workload starts again", func() bool {
		err := e.Start(t.Context(), again)
		if err != nil && cloister.KindOf(err) != cloister.Unavailable {
			t.Fatalf("got %v of kind %q, want it unavailable", err, cloister.KindOf(err))
		}
		return err == nil
	})
	if m.status(e, w).Phase != engine.Running {
		t.Error("what ran has stopped")
	}
	if out, status := m.exec(e, w, "echo", "still here"); status != 0 || out != "still here\n" {
		t.Errorf("status %d: %s", status, out)
	}
	if err := e.Stop(t.Context(), w.ID, 0); err != nil {
		t.Error(err)
	}
	m.until("the exit is seen", func() bool { return m.status(e, w).Phase == engine.Exited })
}

func TestAProcessEndsWithTheEngineThatRanIt(t *testing.T) {
	m := newMachine(t, "exec")
	n := m.node()
	w := m.run(n, m.space(n), "sleep", "1000")
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := n.Exec(t.Context(), w.ID, engine.Process{Command: []string{"sh", "-c", "echo up; sleep 2000 & sleep 3000"}}, engine.Terminal{Out: out})
		ended <- err
	}()
	if _, err := io.ReadFull(in, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	n.kill()
	if err := <-ended; cloister.KindOf(err) != cloister.Unavailable {
		t.Errorf("the caller was told %v", err)
	}
	n = m.node()
	last := ""
	defer func() { t.Logf("the last list of processes:\n%s", last) }()
	m.until("it is gone", func() bool {
		out, _ := m.exec(n, w, "ps", "-o", "args")
		last = out
		return !strings.Contains(out, "sleep 2000") && !strings.Contains(out, "sleep 3000") && strings.Contains(out, "sleep 1000")
	})
}

func TestAContainerdThatIsNotOursIsLeftAsItWas(t *testing.T) {
	host, guest := newMachine(t, "host"), newMachine(t, "guest")
	first := host.open()
	one := host.run(first, host.space(first), "sleep", "1000")
	guest.config.Containerd = filepath.Join(host.config.Run, "containerd.sock")
	guest.config.Transit = netip.MustParsePrefix("100.65.0.0/16")
	second := guest.open()
	two := guest.run(second, guest.space(second), "sleep", "1000")
	if out, status := guest.exec(second, two, "echo", "hello"); status != 0 || out != "hello\n" {
		t.Errorf("status %d: %s", status, out)
	}
	if err := second.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if host.status(first, one).Phase != engine.Running {
		t.Error("it took the other's workload with it")
	}
	out, err := exec.Command("ctr", "--address", guest.config.Containerd, "namespaces", "list", "--quiet").CombinedOutput()
	if got := strings.Fields(string(out)); err != nil || len(got) != 1 || got[0] != "host" {
		t.Errorf("namespaces are %q, %v", got, err)
	}
}

func TestTwoEnginesDoNotShareAName(t *testing.T) {
	m := newMachine(t, "twice")
	m.open()
	if second, err := local.New(t.Context(), m.config, m.log()); cloister.KindOf(err) != cloister.Conflict {
		t.Errorf("the second was opened: %v", err)
		second.Close()
	}
}
