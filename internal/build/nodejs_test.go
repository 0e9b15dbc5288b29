package build

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestNodeVersionsAreChosenAsNpmWould(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("SKIPPED: python3 is not installed")
	}
	versions := `{"versions": {`
	for i, v := range []string{"0.10.48", "18.2.0", "18.20.8", "20.9.0", "20.18.1", "22.1.0", "22.12.0", "23.0.0-rc.1", "24.0.0"} {
		if i > 0 {
			versions += ","
		}
		versions += `"` + v + `": {"dist": {"tarball": "t", "integrity": "i"}}`
	}
	for wanted, want := range map[string]string{
		"22.x": "22.12.0", "^20.9": "20.18.1", "~18.2": "18.2.0", ">=18 <23": "22.12.0", "18.x || 20.x": "20.18.1", "18 - 20.9": "20.9.0", "*": "24.0.0", "": "24.0.0",
		"v22.1.0": "22.1.0", ">= 18.0.0 < 21": "20.18.1", "<18.3": "18.2.0", ">22.12": "24.0.0", "23.0.0-rc.1": "23.0.0-rc.1", "23.x": "", "99": "", "latest": "24.0.0", "^0.10": "0.10.48", "banana": "",
	} {
		cmd := exec.Command("python3", path.Join("..", "..", "buildpacks", "nodejs", "lib", "resolve.py"), wanted)
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		cmd.Stdin = strings.NewReader(versions + "}}")
		out, err := cmd.Output()
		got, _, _ := strings.Cut(string(out), " ")
		if got != want || (want == "") != (err != nil) {
			t.Errorf("%q: %q (%v), want %q", wanted, got, err, want)
		}
	}
}

// A registry that hangs up is asked again; one that goes on hanging up is named.
func TestARegistryThatHangsUpIsAskedAgain(t *testing.T) {
	b := newBench(t, Config{})
	for _, c := range []struct {
		breaks int32
		want   string
	}{
		{2, ` !     No version of Node.js fits "20.x", which engines.node in package.json asks for.`},
		{1000, " !     The npm registry, http://127.0.0.1:"},
	} {
		var asked atomic.Int32
		registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) <= c.breaks {
				panic(http.ErrAbortHandler)
			}
			io.WriteString(w, `{"versions": {}}`)
		}))
		job := b.job(source(t, map[string]string{"package.json": `{"engines": {"node": "20.x"}}`}))
		job.Config = map[string]cloister.Secret{"npm_config_registry": cloister.Secret(registry.URL)}
		_, said, err := b.build(t, job)
		registry.Close()
		if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(said, c.want) {
			t.Errorf("after %d questions of which at most %d broke: %v", asked.Load(), c.breaks, err)
		}
	}
}
