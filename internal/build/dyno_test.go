package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestDynoCommandRunsProfilesThenTheCommand(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	for name, text := range map[string]string{
		".profile.d/20-b.sh": "export ORDER=${ORDER}b", ".profile.d/10-a.sh": "export ORDER=a; set -o nounset", ".profile.d/no.txt": "export ORDER=wrong",
		".profile": "export ORDER=${ORDER}c; false",
	} {
		file := filepath.Join(app, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for command, want := range map[string]string{
		`echo "$ORDER ${UNSET}$PWD"`:         "abc " + app,
		`X=1 env | grep ^X= && exit 3`:       "X=1",
		`echo 'single' "double" \; $((1+1))`: "single double ; 2",
	} {
		args := DynoCommand(command)
		args[2] = strings.ReplaceAll(args[2], "/app", app)
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
		if code := err != nil; code != strings.Contains(command, "exit 3") {
			t.Errorf("%s: %v", command, err)
		}
	}
}

func TestDynoCommandTakesThePlaceOfItsShell(t *testing.T) {
	t.Parallel()
	args := DynoCommand("sh -c 'echo $PPID; exec ps -o comm= -p $$'")
	args[2] = strings.Replace(args[2], "cd /app\n", "", 1)
	cmd := exec.Command(args[0], args[1:]...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if parent := strings.Fields(string(out))[0]; parent != strconv.Itoa(os.Getpid()) {
		t.Errorf("a shell with the process id %s stands between, ours is %d", parent, os.Getpid())
	}
}
