package conformance_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/test/live"
)

// freePort is a port of this machine that nobody listens at.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// TestPretend runs the scripts that need no containers.
func TestPretend(t *testing.T) {
	heroku := official(t)
	hosts, err := filepath.Abs(filepath.Join("..", "..", "internal", "cli", "hosts.js")) // as `cloister env` has it
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:  filepath.Join("testdata", "pretend"),
		Cmds: commands,
		Setup: func(env *testscript.Env) error {
			if err := surround(env, heroku); err != nil {
				return err
			}
			dir := filepath.Join(env.WorkDir, ".server")
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			port, err := freePort()
			if err != nil {
				return err
			}
			provider, err := filepath.Abs("provider.mjs")
			if err != nil {
				return err
			}
			env.Setenv("PROVIDER", provider)
			env.Setenv("PROVIDER_PORT", port)
			p, err := startPretend(t, dir, port)
			if err != nil {
				return err
			}
			env.Defer(p.close)
			env.Values[pretendKey{}] = p
			for _, name := range []string{"HEROKU_HOST", "HEROKU_PARTICLEBOARD_URL", "HEROKU_LOGIN_HOST", "HEROKU_BUILDPACK_REGISTRY_URL", "HEROKU_STATUS_HOST"} {
				env.Setenv(name, p.url)
			}
			env.Setenv("HEROKU_DATA_HOST", "127.0.0.1")
			env.Setenv("NODE_OPTIONS", "--require="+hosts)
			env.Setenv("HEROKU_API_KEY", p.token)
			env.Setenv("ADA", p.token)
			for name, token := range p.people {
				env.Setenv(strings.ToUpper(name), token)
			}
			env.Setenv("URL", p.url)
			env.Setenv("EMAIL", email)
			env.Setenv("PASSWORD", password)
			return nil
		},
	})
}

// TestServer runs the scripts against a whole server: the one that CLOISTER_CONFORMANCE tells of, a file with what
// `cloister env` prints, or else one that is started for the test and gone afterwards.
func TestServer(t *testing.T) {
	heroku := official(t)
	file := os.Getenv("CLOISTER_CONFORMANCE")
	team := first(os.Getenv("CLOISTER_TEAM"), "my-team")
	secret := os.Getenv("CLOISTER_PASSWORD")
	if file == "" {
		s := live.Start(t)
		file, team, secret = filepath.Join(t.TempDir(), "env"), s.Team, password
		s.SetPassword(t, s.Email, secret)
		if err := os.WriteFile(file, []byte(s.Cloister(t, "env", "--shell", "sh")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	vars, err := readEnv(file)
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:      filepath.Join("testdata", "server"),
		Cmds:     commands,
		Deadline: deadline(t),
		Setup: func(env *testscript.Env) error {
			if err := surround(env, heroku); err != nil {
				return err
			}
			for name, value := range vars {
				env.Setenv(name, value)
			}
			env.Setenv("EXAMPLES", examples)
			env.Setenv("TEAM", team)
			env.Setenv("EMAIL", vars["HEROKU_EMAIL"])
			env.Setenv("PASSWORD", secret)
			env.Setenv("URL", vars["HEROKU_HOST"])
			// Names are the installation's: a script that was cut off must not be in the way of the next one.
			id := cloister.NewID()[:6]
			env.Setenv("ID", id)
			env.Defer(func() { sweep(t, vars, id) })
			return nil
		},
	})
}

// sweep destroys what a script that was cut off has left: everything whose name ends in its id.
func sweep(t *testing.T, vars map[string]string, id string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := &heroku.Client{URL: vars["HEROKU_HOST"], Token: vars["HEROKU_API_KEY"]}
	apps, err := c.Apps(ctx)
	if err != nil {
		t.Errorf("look for what is left of %s: %v", id, err)
	}
	for _, a := range apps {
		if strings.HasSuffix(a.Name, "-"+id) {
			if _, err := c.DeleteApp(ctx, a.Name); err != nil {
				t.Errorf("destroy %s: %v", a.Name, err)
			}
		}
	}
	spaces, err := c.Spaces(ctx)
	if err != nil {
		t.Errorf("look for what is left of %s: %v", id, err)
	}
	for _, s := range spaces {
		if strings.HasSuffix(s.Name, "-"+id) {
			if _, err := c.DeleteSpace(ctx, s.Name); err != nil {
				t.Errorf("destroy %s: %v", s.Name, err)
			}
		}
	}
}

// deadline leaves time to destroy what a script has made.
func deadline(t *testing.T) time.Time {
	d, ok := t.Deadline()
	if !ok {
		return time.Time{}
	}
	return d.Add(-time.Minute)
}

// readEnv reads lines of the form export NAME='value', as a shell would.
func readEnv(path string) (map[string]string, error) {
	out, err := exec.Command("sh", "-c", `unset $(env | sed 's/=.*//' | grep ^HEROKU_) ; . "$1"; env -0`, "sh", path).Output()
	if err != nil {
		return nil, err
	}
	vars := map[string]string{}
	for _, line := range strings.Split(string(out), "\x00") {
		name, value, _ := strings.Cut(line, "=")
		for _, prefix := range []string{"HEROKU_", "CLOISTER_", "NODE_", "GIT_SSL_", "GIT_CONFIG_", "SSL_CERT_", "NO_PROXY"} {
			if strings.HasPrefix(name, prefix) {
				vars[name] = value
			}
		}
	}
	return vars, nil
}

func first(s ...string) string {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}
