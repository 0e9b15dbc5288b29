package local_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// freeze stops everything in a zone, as a machine does that hangs, until thaw.
func (m *machine) freeze(zone string) (thaw func()) {
	m.Helper()
	file, frozen, thawed := m.config.ZoneFreezer(zone)
	m.write(file, []byte(frozen))
	return func() { m.Helper(); m.write(file, []byte(thawed)) }
}

// health are the zones that work.
func (m *machine) health(e engine.Engine) string {
	m.Helper()
	nodes, err := e.Nodes(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	var out []string
	for _, n := range nodes {
		if n.Healthy {
			out = append(out, n.Zone)
		}
	}
	return strings.Join(out, " ")
}

func TestAZoneThatHangsIsSeenAndLeft(t *testing.T) {
	m := newMachine(t, "zones")
	e := m.open()
	s := m.space(e)
	there := m.start(e, engine.Workload{Space: s.ID, Zone: "b", Command: []string{"sleep", "1000"}})
	elsewhere := m.start(e, engine.Workload{Space: s.ID, Zone: "a", Command: []string{"sleep", "1000"}})
	if got := m.health(e); got != "a b c" {
		t.Fatalf("to begin with %q work", got)
	}
	var over []engine.Workload // ended before the zone hangs: enough for a choice by chance to go wrong
	for range 8 {
		w := m.start(e, engine.Workload{Space: s.ID, Zone: "b", Command: []string{"true"}})
		m.until("it has ended", func() bool { return m.status(e, w).Phase == engine.Exited })
		over = append(over, w)
	}
	thaw := m.freeze("b")
	late := make(chan error, 1) // a start that comes before the failure is seen
	go func() {
		w := there
		w.ID = cloister.NewID()
		late <- e.Start(t.Context(), w)
	}()
	m.until("the failure is seen", func() bool { return m.health(e) == "a c" })
	if err := <-late; cloister.KindOf(err) != cloister.Unavailable {
		t.Errorf("a start there ends with %v", err)
	}
	for what, do := range map[string]func() error{
		"drop":  func() error { return e.Drop(t.Context(), there.ID) },
		"start": func() error { w := there; w.ID = cloister.NewID(); return e.Start(t.Context(), w) },
	} {
		if err := do(); cloister.KindOf(err) != cloister.Unavailable || !strings.Contains(err.Error(), "The zone b has failed") {
			t.Errorf("%s while it hangs: %v", what, err)
		}
	}
	for _, w := range append(over, elsewhere) {
		if err := e.Drop(t.Context(), w.ID); err != nil {
			t.Errorf("drop what has ended, or is elsewhere: %v", err)
		}
	}
	m.start(e, engine.Workload{Space: s.ID, Zone: "c", Command: []string{"sleep", "1000"}})

	e.Close()
	e = m.open() // another life finds it as it is
	if got := m.health(e); got != "a c" {
		t.Errorf("after a restart of the engine %q work", got)
	}
	thaw()
	m.until("it is seen to work again", func() bool { return m.health(e) == "a b c" })
	if err := e.Drop(t.Context(), there.ID); err != nil {
		t.Errorf("drop in the zone that works again: %v", err)
	}
	m.start(e, engine.Workload{Space: s.ID, Zone: "b", Command: []string{"sleep", "1000"}})
}

// A zone that only waits for a processor is no worse than the others, which may have to wait as well.
func TestAZoneThatIsShortOfProcessorsHasNotFailed(t *testing.T) {
	m := newMachine(t, "short")
	e := m.open()
	pulse := "/" + m.config.Name + "/zone-b/pulse"
	burner := exec.Command("sh", "-c", "while :; do :; done")
	if err := burner.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { burner.Process.Kill(); burner.Wait() })
	// The pulse's group has one millisecond a second, and somebody else in it wants all of that.
	group, limit, little, none := "/sys/fs/cgroup/cpu"+pulse, "cpu.cfs_quota_us", "1000", "-1"
	if _, err := os.Stat(group); err == nil {
		m.write(filepath.Join(group, "cpu.cfs_period_us"), []byte("1000000"))
	} else { // version 2
		group, limit, little, none = "/sys/fs/cgroup"+pulse, "cpu.max", "1000 1000000", "max"
	}
	defer func() { m.write(filepath.Join(group, limit), []byte(none)) }() // or what is killed in it has no time to end
	m.write(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(burner.Process.Pid)))
	m.write(filepath.Join(group, limit), []byte(little))
	before := m.counter(filepath.Join(group, "cpu.stat"), "nr_throttled")
	m.until("the group was held back four times", func() bool {
		if got := m.health(e); got != "a b c" {
			t.Fatalf("%q work", got)
		}
		return m.counter(filepath.Join(group, "cpu.stat"), "nr_throttled") >= before+4
	})
}

// counter reads a number from a file of lines "name number".
func (m *machine) counter(file, name string) (n int) {
	m.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		m.Fatal(err)
	}
	_, after, ok := strings.Cut("\n"+string(text), "\n"+name+" ")
	if !ok {
		m.Fatalf("%s has no %s:\n%s", file, name, text)
	}
	return number(strings.Fields(after)[0])
}

// What is killed in a zone is no reason to leave it.
func TestAPulseThatIsKilledBeatsOn(t *testing.T) {
	m := newMachine(t, "pulse")
	e := m.open()
	for range 3 {
		killed := m.processes("/" + m.config.Name + "/zone-c/pulse")
		if len(killed) != 1 {
			t.Fatalf("in the zone are %v", killed)
		}
		p, err := os.FindProcess(killed[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		m.until("there is another", func() bool {
			now := m.processes("/" + m.config.Name + "/zone-c/pulse")
			return len(now) == 1 && !slices.Equal(now, killed)
		})
		if got := m.health(e); got != "a b c" {
			t.Errorf("%q work", got)
		}
	}
}

// A machine on which a zone hangs can be cleared all the same.
func TestTeardownOfAZoneThatHangs(t *testing.T) {
	m := newMachine(t, "hung")
	e := m.open()
	s := m.space(e)
	m.start(e, engine.Workload{Space: s.ID, Zone: "a", Command: []string{"sleep", "1000"}})
	m.freeze("a")
	m.until("it has failed", func() bool { return m.health(e) == "b c" })
	began := time.Now()
	if err := e.Teardown(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("torn down within %v", time.Since(began).Round(time.Millisecond))
}
