package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func memory(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// installation is a store after its first start, and root's way to it.
func installation(t *testing.T) (Config, *platform.Platform) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	c := Default()
	c.State, c.Run = t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Dir(c.adminSocket()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.caFile(), []byte("the authority"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := memory(t)
	p := platform.New(s, platform.Config{AppDomain: c.AppDomain}, log)
	for range 2 { // the second start is not the first
		if err := firstStart(t.Context(), c, s, p, log); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&admin{config: c, store: s, platform: p}).serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := waitReady(t.Context(), c, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	return c, p
}

func TestRootLogsInAsTheFirstAdministrator(t *testing.T) {
	c, p := installation(t)
	var out strings.Builder
	if err := printLogin(t.Context(), c, &out); err != nil {
		t.Fatal(err)
	}
	var l login
	if err := ask(t.Context(), c, "POST", "/login", nil, &l); err != nil {
		t.Fatal(err)
	}
	if l.URL != "http://127.0.0.1:5100" || l.CA != "the authority" || l.Email != c.AdminEmail || !strings.Contains(out.String(), c.AdminEmail) {
		t.Errorf("%+v", l)
	}
	actor, err := p.Authenticate(t.Context(), "", cloister.Secret(l.Token))
	if err != nil || !actor.User.Operator || actor.User.Email != c.AdminEmail {
		t.Errorf("the token is %v's, %v", actor.User.Email, err)
	}
}

func TestRootMakesUsersAndChangesPasswords(t *testing.T) {
	c, p := installation(t)
	in := person{Email: "ann@example.com", Password: "first password", New: true}
	if err := ask(t.Context(), c, "POST", "/users", in, &struct{}{}); err != nil {
		t.Fatal(err)
	}
	if err := ask(t.Context(), c, "POST", "/users", in, &struct{}{}); err == nil {
		t.Error("the same user was made twice")
	}
	if _, err := p.SignIn(t.Context(), "192.0.2.1", in.Email, "first password", ""); err != nil {
		t.Error(err)
	}
	in.Password, in.New = "second password", false
	if err := ask(t.Context(), c, "POST", "/users", in, &struct{}{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SignIn(t.Context(), "192.0.2.1", in.Email, "first password", ""); err == nil {
		t.Error("the old password is still good")
	}
	if _, err := p.SignIn(t.Context(), "192.0.2.1", in.Email, "second password", ""); err != nil {
		t.Error(err)
	}
	err := ask(t.Context(), c, "POST", "/users", person{Email: "nobody@example.com", Password: "some password"}, &struct{}{})
	if err == nil || !strings.Contains(err.Error(), "Couldn't find") {
		t.Errorf("a password for nobody: %v", err)
	}
}

func TestRootMakesStacksKnown(t *testing.T) {
	c, _ := installation(t)
	want := cloister.Stack{Name: "debian-12", RunImage: "sha256:run", BuildImage: "sha256:build", Default: true}
	if err := ask(t.Context(), c, "POST", "/stacks", want, &cloister.Stack{}); err != nil {
		t.Fatal(err)
	}
	var all []cloister.Stack
	if err := ask(t.Context(), c, "GET", "/stacks", nil, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].RunImage != want.RunImage || !all[0].Default || all[0].CreatedAt.IsZero() {
		t.Errorf("%+v", all)
	}
}

func TestOtherUsersAreHungUpOn(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct {
		uids []int
		good bool
	}{{[]int{os.Getuid()}, true}, {[]int{4711, os.Getuid()}, true}, {[]int{4711}, false}, {nil, false}} {
		accepted := make(chan net.Conn, 1)
		go func() {
			if conn, err := (only{l, byUser(c.uids...)}).Accept(); err == nil {
				accepted <- conn
			}
			close(accepted)
		}()
		client, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		client.SetDeadline(time.Now().Add(20 * time.Second))
		if c.good {
			(<-accepted).Close()
		}
		_, err = client.Read(make([]byte, 1)) // ends when we are hung up on
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v: neither accepted nor hung up on", c.uids)
		}
		if !c.good {
			// Accept goes on for those who may; this one is for us.
			select {
			case conn := <-accepted:
				t.Errorf("%v: we were accepted: %v", c.uids, conn)
			default:
			}
			l.Close()
			<-accepted
			if l, err = net.Listen("unix", filepath.Join(t.TempDir(), "socket")); err != nil {
				t.Fatal(err)
			}
			defer l.Close()
		}
		client.Close()
	}
}

func TestAskSaysWhyThereIsNoAnswer(t *testing.T) {
	c := Config{Run: t.TempDir()}
	err := ask(t.Context(), c, "GET", "/ready", nil, &struct{}{})
	if cloister.KindOf(err) != cloister.Unavailable || !strings.Contains(err.Error(), "does not run on this machine") {
		t.Errorf("no server: %v", err)
	}
	if err := os.Mkdir(filepath.Dir(c.adminSocket()), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", c.adminSocket())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // as to somebody who is not root
		for {
			conn, err := (only{l, byUser()}).Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	err = ask(t.Context(), c, "GET", "/ready", nil, &struct{}{})
	if err == nil || !strings.Contains(err.Error(), "only root") {
		t.Errorf("hung up on: %v", err)
	}
	if err := notReached(c, fmt.Errorf("read: %w", syscall.ECONNRESET)); !strings.Contains(err.Error(), "only root") {
		t.Errorf("reset: %v", err)
	}
	if err := notReached(c, os.ErrPermission); cloister.KindOf(err) != cloister.Forbidden || !strings.Contains(err.Error(), "Only root") {
		t.Errorf("not let in: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := waitReady(ctx, Config{Run: t.TempDir()}, time.Minute); err == nil {
		t.Error("a server that does not run is ready")
	}
}
