package server

import (
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
