package local_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

func TestInside(t *testing.T) {
	m := newMachine(t, "inside")
	e := m.open()
	s := m.space(e)
	w := m.start(e, engine.Workload{Space: s.ID, Command: []string{"sleep", "1000"}, Hostname: "web-1", Port: 5000,
		Size:    engine.Size{Memory: 64 << 20, CPU: 500, PIDs: 40, Disk: 24 << 20},
		Volumes: []engine.Volume{{ID: cloister.NewID(), Path: "/data", Size: 16 << 20}}})
	says := func(t *testing.T, want string, script string) {
		t.Helper()
		if out, _ := m.exec(e, w, "sh", "-c", script); strings.TrimSpace(out) != want {
			t.Errorf("%s\nsaid %q, want %q", script, strings.TrimSpace(out), want)
		}
	}
	t.Run("it is an ordinary user without powers", func(t *testing.T) {
		says(t, "1234 1234", `echo $(id -u) $(id -g)`)
		says(t, "CapInh: 0000000000000000 CapPrm: 0000000000000000 CapEff: 0000000000000000 CapBnd: 0000000000000000 CapAmb: 0000000000000000 NoNewPrivs: 1 Seccomp: 2",
			`echo $(grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status)`)
		says(t, "CapEff: 0000000000000000 Seccomp: 2", `echo $(grep -E '^(CapEff|Seccomp:)' /proc/1/status)`)
		says(t, "", `mount -t tmpfs x /tmp 2>/dev/null; unshare -r true 2>/dev/null; mknod /tmp/sda b 8 0 2>/dev/null; mount | grep ' /tmp '; ls /tmp`)
		says(t, "", `for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /sys/kernel/uevent_helper /dev/mem /dev/kmsg; do (echo x > $f) 2>/dev/null && echo "wrote $f"; done`)
		says(t, "", `cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | head -c 10`)
		says(t, "", `find /sys/fs/cgroup -name release_agent -writable 2>/dev/null; find / -xdev -name '*.sock' 2>/dev/null`)
	})
	t.Run("its limits are what was asked for", func(t *testing.T) {
		says(t, "10000 10000 0", `echo $(ulimit -n) $(ulimit -Hn) $(ulimit -Hc)`)
		says(t, "67108864", `cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null`)
		says(t, "40", `cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null`)
		says(t, "50000", `cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max`)
		bomb := m.start(e, engine.Workload{Space: s.ID, Command: []string{"sh", "-c", "for i in $(seq 60); do sleep 1 & done; wait"},
			Size: engine.Size{Memory: 64 << 20, CPU: 500, PIDs: 20, Disk: 24 << 20}})
		m.logs(e, bomb, func(line string) bool { return strings.Contains(line, "can't fork") })
	})
	t.Run("it has a home, a private tmp and its own name", func(t *testing.T) {
		says(t, "/app /app web-1 5000", `cd; echo $(pwd) $HOME $(hostname) $PORT`)
		says(t, "1777 755", `echo $(stat -c %a /tmp) $(stat -c %a /app)`)
		says(t, "ok ok ok", `for d in /app /tmp /data; do echo x > $d/file && echo ok; done | tr '\n' ' '`)
		says(t, "", `touch /etc/x /bin/x /x 2>/dev/null; ls /x /etc/x /bin/x 2>/dev/null`)
	})
	t.Run("its disk and its volume have hard limits", func(t *testing.T) {
		for dir, most := range map[string]int{"/app": 24 << 10, "/tmp": 24 << 10, "/data": 16 << 10} {
			out, status := m.exec(e, w, "dd", "if=/dev/zero", "of="+dir+"/big", "bs=1M", "count=64")
			if status == 0 || !strings.Contains(out, "No space left") {
				t.Errorf("%s took 64 MB: %s", dir, out)
			}
			used, _ := m.exec(e, w, "sh", "-c", "du -k "+dir+"/big | cut -f1; rm "+dir+"/big")
			if n := number(used); n < most/2 || n > most {
				t.Errorf("%s took %d KB of %d", dir, n, most)
			}
		}
	})
	t.Run("a missing command is told as by a shell", func(t *testing.T) {
		if out, status := m.exec(e, w, "no-such-thing"); status != 127 || !strings.Contains(out, "not found") {
			t.Errorf("status %d: %s", status, out)
		}
		gone := m.run(e, s, "no-such-thing")
		m.until("it has exited", func() bool { return m.status(e, gone).Phase == engine.Exited })
		if got := m.status(e, gone).ExitStatus; got != 127 {
			t.Errorf("exit status %d", got)
		}
	})
	t.Run("a hundred megabytes go in and out unchanged", func(t *testing.T) {
		const n = 100 << 20
		in := io.LimitReader(&pattern{}, n)
		check := &pattern{}
		status, err := e.Exec(t.Context(), w.ID, engine.Process{Command: []string{"cat"}}, engine.Terminal{In: in, Out: check})
		if err != nil || status != 0 || check.at != n || check.wrong {
			t.Errorf("status %d, error %v, %d bytes, wrong: %v", status, err, check.at, check.wrong)
		}
	})
	t.Run("a terminal follows its window and says SIGHUP no more than it must", func(t *testing.T) {
		resize := make(chan engine.Window)
		in, typed := io.Pipe()
		var out safeBuffer
		done := make(chan int, 1)
		go func() {
			status, err := e.Exec(t.Context(), w.ID, engine.Process{Command: []string{"sh", "-c", "stty size; read x; stty size; echo got $x"}},
				engine.Terminal{In: in, Out: &out, TTY: true, Window: engine.Window{Rows: 10, Columns: 20}, Resize: resize})
			if err != nil {
				t.Error(err)
			}
			done <- status
		}()
		m.until("the first size is told", func() bool { return strings.Contains(out.String(), "10 20") })
		resize <- engine.Window{Rows: 30, Columns: 40}
		resize <- engine.Window{Rows: 30, Columns: 41}
		m.until("the new size is told", func() bool {
			var size bytes.Buffer
			e.Exec(t.Context(), w.ID, engine.Process{Command: []string{"sh", "-c", "stty -F /dev/pts/0 size"}}, engine.Terminal{Out: &size})
			return strings.TrimSpace(size.String()) == "30 41"
		})
		io.WriteString(typed, "hello\n")
		if status := <-done; status != 0 || !strings.Contains(out.String(), "30 41") || !strings.Contains(out.String(), "got hello") {
			t.Errorf("status %d: %q", status, out.String())
		}
	})
	t.Run("a child that is left behind does not hold a process up", func(t *testing.T) {
		began := time.Now()
		if out, status := m.exec(e, w, "sh", "-c", "sleep 50 & echo parent"); status != 0 || out != "parent\n" || time.Since(began) > 10*time.Second {
			t.Errorf("after %v, status %d: %q", time.Since(began), status, out)
		}
	})
}

// A pattern is bytes without end, to be read, or compared with what is written to it.
type pattern struct {
	at    int
	wrong bool
}

func (p *pattern) next() byte { p.at++; return byte(p.at * 7919 >> 5) }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = p.next()
	}
	return len(b), nil
}

func (p *pattern) Write(b []byte) (int, error) {
	for i := range b {
		p.wrong = p.next() != b[i] || p.wrong
	}
	return len(b), nil
}

func TestStopSignalsEveryProcess(t *testing.T) {
	m := newMachine(t, "signals")
	e := m.open()
	w := m.run(e, m.space(e), "sh", "-c", `
		for i in 1 2 3; do
			(trap "echo child $i; exit" TERM; echo up; while :; do sleep 0.05; done) &
		done
		trap 'echo parent; wait; exit 3' TERM; echo up; while :; do sleep 0.05; done`)
	up := 0
	m.logs(e, w, func(line string) bool {
		if line == "up" {
			up++
		}
		return up == 4
	})
	if err := e.Stop(t.Context(), w.ID, time.Minute); err != nil {
		t.Fatal(err)
	}
	var lines []string
	m.logs(e, w, func(line string) bool {
		if line != "up" && line != "Terminated" { // the shells' sleeps were signalled as well
			lines = append(lines, line)
		}
		return false
	})
	slices.Sort(lines)
	if got := strings.Join(lines, ","); got != "child 1,child 2,child 3,parent" {
		t.Errorf("they said %q", got)
	}
	if s := m.status(e, w); s.ExitStatus != 3 {
		t.Errorf("exit status %d", s.ExitStatus)
	}
}

func TestAStopRightAfterAStartIsNotLost(t *testing.T) {
	m := newMachine(t, "early")
	e := m.open()
	s := m.space(e)
	for range 5 {
		w := m.run(e, s, "sleep", "1000")
		if err := e.Stop(t.Context(), w.ID, time.Hour); err != nil {
			t.Fatal(err)
		}
		m.until("it has exited", func() bool { return m.status(e, w).Phase == engine.Exited })
		if got := m.status(e, w).ExitStatus; got != 143 {
			t.Errorf("exit status %d, want 143", got)
		}
	}
}

func TestRunningOutOfMemoryIsTold(t *testing.T) {
	m := newMachine(t, "memory")
	e := m.open()
	s := m.space(e)
	w := m.run(e, s, "probe", "eat", "200")
	m.until("it has exited", func() bool { return m.status(e, w).Phase == engine.Exited })
	if got := m.status(e, w); got.ExitStatus != 137 || !got.OOM {
		t.Errorf("it looks wrong: %+v", got)
	}
	survivor := m.run(e, s, "sh", "-c", "while :; do probe eat 200; sleep 1; done")
	m.until("the kill is told while it runs on", func() bool { return m.status(e, survivor).OOM })
	if got := m.status(e, survivor); got.Phase != engine.Running {
		t.Errorf("it looks wrong: %+v", got)
	}
}

func TestAVolumeGrowsAndHasOneUser(t *testing.T) {
	m := newMachine(t, "volume")
	e := m.open()
	s := m.space(e)
	v := engine.Volume{ID: cloister.NewID(), Path: "/data", Size: 16 << 20}
	first := m.start(e, engine.Workload{Space: s.ID, Command: []string{"sh", "-c", "echo kept > /data/file; ls -a /data; sleep 1000"}, Volumes: []engine.Volume{v}})
	m.logs(e, first, func(line string) bool { return line == "file" })
	second := engine.Workload{ID: cloister.NewID(), Space: s.ID, Image: m.image, Command: []string{"true"}, Volumes: []engine.Volume{v}}
	if err := e.Start(t.Context(), second); cloister.KindOf(err) != cloister.Conflict {
		t.Errorf("two users of a volume: %v", err)
	}
	if err := e.Drop(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	v.Size = 48 << 20
	third := m.start(e, engine.Workload{Space: s.ID, Command: []string{"sleep", "1000"}, Volumes: []engine.Volume{v}})
	if out, _ := m.exec(e, third, "sh", "-c", "cat /data/file; ls /data; df -k /data | tail -1 | awk '{print ($2 > 30000)}'"); out != "kept\nfile\n1\n" {
		t.Errorf("got %q", out)
	}
}
