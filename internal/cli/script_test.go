package cli_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cloister-dev/cloister/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cloister": func() {
		os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Options{
			In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Version: "1.2.3",
			Now: func() time.Time { return fakeNow },
			Server: []cli.ServerCommand{{Name: "server", Help: "Run the server.", Run: func(_ context.Context, args []string) error {
				os.Stdout.WriteString("server " + strings.Join(args, " ") + "\n")
				return nil
			}}},
			Checks: func(context.Context) []cli.Check {
				if os.Getenv("SICK") != "" {
					return []cli.Check{{Name: "kernel", Result: "no network namespaces", Advice: "Use another kernel."}}
				}
				return []cli.Check{{Name: "kernel", Result: "has what it needs"}}
			},
		}))
	}})
}

// TestScripts runs testdata/script: each is a story of commands against a server of its own, with their output.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			tb := env.T().(testing.TB)
			f := newFake(tb)
			// The rendezvous listener has httptest's certificate, which is its own CA.
			secure := tlsCertificate(tb)
			f.attachTo(tb, secure)
			ca := filepath.Join(env.WorkDir, "ca.pem")
			if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate[0]}), 0o600); err != nil {
				return err
			}
			home := filepath.Join(env.WorkDir, "home")
			if err := os.Mkdir(home, 0o700); err != nil {
				return err
			}
			env.Setenv("HOME", home)
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			env.Setenv("URL", f.URL)
			env.Setenv("HOST", strings.TrimPrefix(f.URL, "http://"))
			env.Setenv("CLOISTER_CONFIG", filepath.Join(env.WorkDir, "config.json"))
			return cli.WriteConfig(filepath.Join(env.WorkDir, "config.json"), cli.Config{URL: f.URL, CA: ca, Token: "secret", Email: "ann@example.com"})
		},
	})
}

// tlsCertificate is a certificate for 127.0.0.1 that is its own CA: httptest's.
func tlsCertificate(t testing.TB) tls.Certificate {
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	return s.TLS.Certificates[0]
}
