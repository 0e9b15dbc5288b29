package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister/internal/cli"
)

// find is the check of a name.
func find(t *testing.T, all []cli.Check, name string) cli.Check {
	t.Helper()
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("nothing is said of %s: %+v", name, all)
	return cli.Check{}
}

func TestDoctorSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CLOISTER_STATE", dir)
	t.Setenv("CLOISTER_RUN", dir)
	all := Checks(t.Context())
	if c := find(t, all, "configuration"); c.Wrong() {
		t.Errorf("%+v", c)
	}
	if c := find(t, all, "engine"); !c.Wrong() || !strings.Contains(c.Advice, "root") {
		t.Errorf("an engine that is not there: %+v", c)
	}
	if c := find(t, all, "disk"); !strings.Contains(c.Result, "GB free in "+dir) {
		t.Errorf("%+v", c)
	}

	t.Setenv("CLOISTER_ENGINE", "fake")
	if c := find(t, Checks(t.Context()), "engine"); c.Wrong() || c.Result != "is fake" {
		t.Errorf("%+v", c)
	}
	t.Setenv("CLOISTER_ENGINE", "unknown")
	if c := find(t, Checks(t.Context()), "configuration"); !c.Wrong() || !strings.Contains(c.Result, "engine") {
		t.Errorf("a mistake in the configuration: %+v", c)
	}
}

func TestDoctorIsSilentWhereNoServerEverWas(t *testing.T) {
	t.Setenv("CLOISTER_STATE", t.TempDir()+"/never")
	if all := Checks(t.Context()); all != nil {
		t.Errorf("%+v", all)
	}
}

func TestRoomThatCannotBeLookedAtIsToldOf(t *testing.T) {
	if c := room(t.TempDir() + "/none"); !c.Wrong() {
		t.Errorf("%+v", c)
	}
}

func TestDoctorLooksForTheControllersOfBothVersions(t *testing.T) {
	for name, c := range map[string]struct {
		dirs   []string
		have   string // in version 2
		result string
		wrong  bool
	}{
		"version 1":                     {[]string{"memory", "cpu", "pids"}, "", "version 1", false},
		"version 1 without pids":        {[]string{"memory", "cpu"}, "", "the controller pids is missing", true},
		"version 2":                     {nil, "cpuset cpu io memory pids", "version 2", false},
		"version 2 without a processor": {nil, "cpuset memory pids", "version 2, without the controller cpu", true},
		"hybrid":                        {[]string{"memory", "cpu", "pids", "unified"}, "", "version 1", false},
	} {
		root := t.TempDir()
		for _, d := range c.dirs {
			if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if c.have != "" {
			if err := os.WriteFile(filepath.Join(root, "cgroup.controllers"), []byte(c.have+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := controlGroups(root); got.Result != c.result || got.Wrong() != c.wrong {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
